"""The examples of README.md and docs/ are right: recipes are valid, commands exist, Python runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
import typer
from killing import OUTPUT, Nursery
from recipe_reference import NOTES_PAGE, PAGE, render, render_notes

from dlrun.cli import app
from dlrun.recipe.load import parse_recipe

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]*)(?:#([^)\s]+))?\)")


@dataclass(frozen=True)
class Example:
    """A block of code in a page."""

    page: Path
    line: int
    language: str
    code: str

    @property
    def place(self) -> str:
        """Return where it stands, as `verdict.md:12`."""
        return f"{self.page.name}:{self.line}"


def read_examples(page: Path) -> list[Example]:
    text = page.read_text(encoding="utf-8")
    return [
        Example(page, text[: found.start()].count("\n") + 1, found[1], found[2])
        for found in BLOCK.finditer(text)
    ]


EXAMPLES = [example for page in PAGES for example in read_examples(page)]


def in_language(language: str) -> pytest.MarkDecorator:
    chosen = [example for example in EXAMPLES if example.language == language]
    assert chosen
    return pytest.mark.parametrize("example", chosen, ids=lambda example: example.place)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_every_block_has_a_language():
    for page in PAGES:
        n_fences = len(re.findall(r"^```", page.read_text(encoding="utf-8"), re.MULTILINE))
        assert n_fences == 2 * len(read_examples(page)), page
    known = {"sh", "python", "yaml", "text"}
    assert {example.language for example in EXAMPLES} <= known


@in_language("yaml")
def test_a_recipe_is_valid(example: Example):
    parse_recipe(example.code, Path("recipe.yaml"), [])


@in_language("sh")
def test_a_command_exists(example: Example):
    for line in example.code.splitlines():
        for command in re.split(r"\s*&&\s*", line):
            words = shlex.split(command.replace("srun -n 4 ", ""), comments=True)
            words = words[: words.index(">")] if ">" in words else words
            if words and Path(words[0]).name == "dlrun":
                check_command(words[1:])


def check_command(words: list[str]) -> None:
    """Parse the arguments of a verb as the command line does, without running it."""
    command = typer.main.get_command(app)
    assert isinstance(command, click.Group | typer.core.TyperGroup)
    verb = command.get_command(None, words[0])  # type: ignore[arg-type]
    assert verb is not None, f"there is no verb {words[0]}"
    verb.make_context(words[0], words[1:])


PURE = [each for each in EXAMPLES if each.language == "python" and "keras" not in each.code]
FIRST = {"tracking.md": "first-study.md"}  # a page and the one whose study it reads


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted({each.page.name for each in PURE} - {*FIRST.values()}))
def test_python_runs(page: str, tmp_path: Path):
    """Run the blocks of a page, after those of the page whose study it reads."""
    pages = [FIRST.get(page), page]
    code = "\n".join(each.code for name in pages for each in PURE if each.page.name == name)
    check = "\nimport sys; assert 'tensorflow' not in sys.modules\n"
    subprocess.run([sys.executable, "-c", code + check], cwd=tmp_path, check=True)


def test_links_lead_somewhere():
    for page in PAGES:
        for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
            if "://" in target:
                continue
            file = page.parent / target if target else page
            assert file.exists(), f"{page.name}: {target}"
            if anchor:
                assert anchor in anchors(file), f"{page.name}: {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_every_page_is_linked_from_the_readme_or_the_recipe_reference():
    linked = "".join(page.read_text(encoding="utf-8") for page in (PAGES[0], PAGE))
    assert [page.name for page in PAGES[1:] if page.name not in linked] == []


@pytest.mark.parametrize(("page", "write"), [(PAGE, render), (NOTES_PAGE, render_notes)])
def test_the_reference_is_up_to_date(page: Path, write: Callable[[], str]):
    assert page.read_text(encoding="utf-8") == write(), "run: python tests/docs/recipe_reference.py"


@pytest.mark.tf
def test_the_network_of_the_page_on_extending_passes_the_checks(processes: Nursery, tmp_path: Path):
    page = read_examples(ROOT / "docs" / "extending.md")
    network = next(each for each in page if "keras" in each.code)
    recipe = next(each for each in page if each.language == "yaml" and "my_nets" in each.code)
    (tmp_path / "my_nets.py").write_text(network.code, encoding="utf-8")
    (tmp_path / "r.yaml").write_text(recipe.code, encoding="utf-8")
    for command in (["validate", "r.yaml", "--build"], ["check", "my_nets:build", "width=16"]):
        assert processes.run(tmp_path, *command) == 0, (tmp_path / OUTPUT).read_text()
