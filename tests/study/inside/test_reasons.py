from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from dlrun.classic.candidates import make_candidates
from dlrun.contract.attribution import ColumnAttribution
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column
from dlrun.contract.inside import Inside
from dlrun.data.model_io import ModelInfo, SavedModel
from dlrun.data.reference import make_reference
from dlrun.recipe.schema import Recipe
from dlrun.study.inside.reasons import add_reasons, cell_reasons, choose_rows
from dlrun.testing.samples import SAMPLES
from dlrun.tracking.inside import inside_from_json, inside_to_json

NOTHING = Inside("linear", "classic", 0, "the training rows")


def context(modality, name, worst=()):
    """Return what a look starts from: a baseline trained on all rows but the last 40."""
    data = SAMPLES[modality]().dataset("classification")
    train, test = data.take(np.arange(len(data) - 40)), data.take(np.arange(len(data))[-40:])
    document = {"data": {"source": "made"}, "baselines": [{"name": name}]}
    candidate = make_candidates(Recipe.model_validate(document), data)[-1]
    fitted = candidate.fit(train, test, FitContext(0))
    facts = ModelInfo(name, "classic", data.columns, data.target)
    saved = SavedModel(facts, fitted, reference=make_reference(train))
    return SimpleNamespace(test=test, saved=saved, worst=worst, seed=0, shows_rows=True)


@pytest.mark.parametrize(
    ("modality", "name"),
    [("table", "linear"), ("text", "linear"), ("image", "linear"), ("series", "linear")],
)
def test_every_modality_is_explained_and_kept(modality, name):
    found = add_reasons(context(modality, name), NOTHING)
    assert inside_from_json(inside_to_json(found)).reasons.rows[0].cells == (
        found.reasons.rows[0].cells
    )
    assert len(found.reasons.rows) == 6
    for row in found.reasons.rows:
        assert row.output in row.truth
        for cell in row.cells:
            assert len(cell.tokens) in (0, len(cell.weights[0]))


def test_rows_are_the_worst_that_are_tested_and_others_of_every_class():
    test = context("table", "dummy").test
    ids = test.row_ids.tolist()
    rows = choose_rows(test, [10**6, ids[7], ids[3], ids[7], ids[30], ids[31]], seed=1)
    assert {7, 3, 30} <= {*rows.tolist()}
    assert len({*rows.tolist()}) == 6
    assert {*test.y[rows].tolist()} == {*test.y.tolist()}
    assert len(choose_rows(test.take(np.arange(2)), [], seed=1)) == 2


def test_the_map_of_a_sound_ends_with_the_sound():
    column, sound = Column("s", "audio", (800,), 8000), np.zeros(200, np.float32)
    frames = np.zeros((12, 4))
    frames[1] = 1.0
    assert len(cell_reasons(ColumnAttribution("s", frames), column, sound).weights) == 3
    frames[6] = -1.0  # a window reaches beyond the end
    assert len(cell_reasons(ColumnAttribution("s", frames), column, sound).weights) == 7


def test_who_looks_at_nothing_has_no_reference_or_shows_no_rows_gives_no_reasons():
    assert add_reasons(context("table", "dummy"), NOTHING) == NOTHING
    own = context("table", "linear")
    own.saved = replace(own.saved, reference=None)
    assert add_reasons(own, NOTHING) == NOTHING
    hidden = context("table", "linear")
    hidden.shows_rows = False
    assert add_reasons(hidden, NOTHING) == NOTHING
