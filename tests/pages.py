"""A page of the report, taken apart."""

from __future__ import annotations

from html.parser import HTMLParser

from dlrun.evidence.compare import compare
from dlrun.report.page import to_html

VOID = {"meta", "br", "rect", "line", "circle", "path", "polygon", "polyline", "img"}
MARKS = VOID - {"meta", "br"}


class Page(HTMLParser):
    """A page taken apart; it insists that every element is closed where it was opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.marks: list[int] = []  # drawn in each chart
        self.titles: list[str] = []
        self.hovers: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)
        if tag == "svg":
            self.marks.append(0)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID
        self.tags.append((tag, dict(attrs)))
        if "svg" in self.open:
            self.marks[-1] += tag in MARKS

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in MARKS:
            self.marks[-1] += 1

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)
        if self.open[-2:] == ["svg", "title"]:
            self.titles.append(data)
        elif self.open[-1:] == ["title"]:
            self.hovers.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def report(study, metric=None) -> Page:
    return Page(to_html([study], compare([study], metric)))


def sections(page: Page) -> list[str | None]:
    return [attributes.get("id") for attributes in page.all("h2")]
