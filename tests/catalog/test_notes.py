"""Codes of notes: unique, stable in form, and muted by a recipe wherever notes are shown."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pandas as pd
import pytest

from dlrun.catalog import notes, training_notes
from dlrun.catalog.note_kind import NoteKind
from dlrun.catalog.notes import DUPLICATES, LEAK, NOTES
from dlrun.errors import RecipeError
from dlrun.recipe.load import load_recipe, parse_recipe
from dlrun.study.plan import prepare

LEAKY = pd.DataFrame({"x": [1, 5, 5, 1] * 10, "copy": ["n", "y"] * 20, "y": ["no", "yes"] * 20})
RECIPE = "data: {source: data.csv, target: y}\nmodel: none\nbaselines: [dummy]\n"


def test_every_kind_has_a_code_of_its_own_and_a_rule():
    made = [
        node
        for module in (notes, training_notes)
        for node in ast.parse(inspect.getsource(module)).body
        if isinstance(node, ast.Assign) and "NoteKind(" in ast.unparse(node.value)[:9]
    ]
    assert len(NOTES) == len(made)
    for code, kind in NOTES.items():
        assert re.fullmatch(r"DLR\d{3}", code)
        assert kind.rule.endswith(".")


def test_a_note_shows_its_code_behind_its_text():
    assert str(NoteKind("DLR999", "A title", "A rule.").note("A text.")) == "A text. [DLR999]"


def test_an_unknown_code_is_a_fault_of_the_recipe():
    with pytest.raises(RecipeError) as caught:
        parse_recipe(RECIPE + "notes: {ignore: [DLR58]}\n", Path("r.yaml"))
    assert str(caught.value) == (
        "r.yaml:4: notes.ignore.0: 'DLR58' is not the code of a note. Did you mean DLR058?"
    )


@pytest.mark.parametrize(
    ("ignored", "shown"),
    [("", [LEAK.code, DUPLICATES.code]), ("notes: {ignore: [DLR058]}", [DUPLICATES.code])],
)
def test_a_study_is_planned_without_the_notes_that_its_recipe_ignores(
    tmp_path: Path, ignored: str, shown: list[str]
):
    LEAKY.to_csv(tmp_path / "data.csv", index=False)
    (tmp_path / "r.yaml").write_text(RECIPE + ignored)
    plan = prepare(load_recipe(tmp_path / "r.yaml"))
    assert [note.code for note in plan.dataset.notes] == shown
