"""Candidates over data sets as JSON, and as a table for a paper: Markdown, LaTeX or CSV."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from io import StringIO
from typing import TYPE_CHECKING, Final

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import fixed, places_of
from dlrun.report.plain import known
from dlrun.system.spreadsheet import guard

if TYPE_CHECKING:
    from dlrun.evidence.bench import Bench, BenchCandidate, DataSetResult

TEX: Final = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}  # fmt: skip


@dataclass(frozen=True)
class PaperTable:
    """A row for each candidate, a column for each data set.

    Attributes:
        strong: (row, column) of the best score of each data set.
    """

    head: list[str]
    rows: list[list[str]]
    strong: frozenset[tuple[int, int]]


def to_json(bench: Bench) -> str:
    """Write all that was found; unknown values are null."""
    values = asdict(bench)
    if bench.ranking:
        values["ranking"]["groups"] = bench.ranking.groups
    return json.dumps(known(values), indent=2, ensure_ascii=False, allow_nan=False)


def paper_table(bench: Bench) -> PaperTable:
    """Return the mean score of every candidate on every data set, its rank and normalised score."""
    titles = [f"{each.name} ({_metric(each)})" for each in bench.data_sets]
    best = [max(each.normalised.values(), default=0.0) for each in bench.data_sets]
    strong = {
        (row, column + 1)
        for row, candidate in enumerate(bench.candidates)
        for column, each in enumerate(bench.data_sets)
        if each.normalised.get(candidate.name) == best[column]
    }
    return PaperTable(
        head=["candidate", *titles, "mean rank", "normalised"],
        rows=[_cells(each, bench) for each in bench.candidates],
        strong=frozenset(strong),
    )


def _cells(candidate: BenchCandidate, bench: Bench) -> list[str]:
    scores = (
        fixed(each.scores[candidate.name], score_places(each))
        if candidate.name in each.scores
        else "–"
        for each in bench.data_sets
    )
    rank = "–" if candidate.mean_rank is None else fixed(candidate.mean_rank, 2)
    return [candidate.name, *scores, rank, fixed(candidate.normalised, 2)]


def score_places(result: DataSetResult) -> int:
    """Return the decimals of a score: one more than those of the ROPE."""
    return places_of(result.rope) + 1 if result.rope > 0 else 4


def _metric(result: DataSetResult) -> str:
    metric = get_metric(result.metric)
    return f"{metric.title} {'↓' if metric.lower_is_better else '↑'}"


def write_table(bench: Bench, suffix: str) -> str:
    """Write the table of the scores.

    Args:
        bench: of the candidates.
        suffix: a key of `FORMATS`, such as .md.
    """
    return FORMATS[suffix](paper_table(bench))


def _to_markdown(table: PaperTable) -> str:
    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    rule = [":---", *["---:"] * (len(table.head) - 1)]
    rows = _emphasised(table.rows, table.strong, lambda text: f"**{text}**")
    return "\n".join(map(line, [table.head, rule, *rows])) + "\n"


def _emphasised(
    rows: list[list[str]], strong: Collection[tuple[int, int]], emphasise: Callable[[str], str]
) -> list[list[str]]:
    return [
        [emphasise(text) if (row, column) in strong else text for column, text in enumerate(cells)]
        for row, cells in enumerate(rows)
    ]


def _to_latex(table: PaperTable) -> str:
    def escape(text: str) -> str:
        plain = "".join(TEX.get(letter, letter) for letter in text)
        return plain.replace("↑", r"$\uparrow$").replace("↓", r"$\downarrow$").replace("–", "--")

    def line(cells: list[str]) -> str:
        return " & ".join(cells) + r" \\"

    escaped = [[escape(text) for text in cells] for cells in table.rows]
    rows = _emphasised(escaped, table.strong, lambda text: rf"\textbf{{{text}}}")
    return "\n".join(
        [
            r"\begin{tabular}{l" + "r" * (len(table.head) - 1) + "}  % needs the package booktabs",
            r"\toprule",
            line([escape(title) for title in table.head]),
            r"\midrule",
            *map(line, rows),
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _to_csv(table: PaperTable) -> str:
    lines = StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    for cells in (table.head, *table.rows):
        writer.writerow([guard("" if cell == "–" else cell) for cell in cells])
    return lines.getvalue()


FORMATS: Final[Mapping[str, Callable[[PaperTable], str]]] = {
    ".md": _to_markdown,
    ".tex": _to_latex,
    ".csv": _to_csv,
}
