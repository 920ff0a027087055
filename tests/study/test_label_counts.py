from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from modalities import MODALITIES, N_ROWS

from dlrun.contract.dataset import Split, Splits
from dlrun.errors import RecipeError
from dlrun.recipe.load import load_recipe
from dlrun.recipe.schema import Evaluation, LabelCounts
from dlrun.study.label_counts import check_label_counts, measured_counts
from dlrun.study.protocols import make_conditions

TRAIN, VALIDATION, TEST = np.split(np.random.default_rng(1).permutation(N_ROWS), [160, 200])
SPLITS = Splits(
    tuple(Split(0, fold, fold, fold, TRAIN, VALIDATION, TEST) for fold in range(2)), "digest"
)


@pytest.fixture
def dataset():
    """Return a table of which only eight rows are of a third class."""
    made = MODALITIES["table"]("classification")
    y = made.y.copy()
    y[[*TRAIN[:6], *VALIDATION[:2]]] = 2
    return replace(made, y=y, target=replace(made.target, labels=("no", "yes", "rare")))


def recipe(folder: Path, labels: str):
    path = folder / "r.yaml"
    lines = f"data: {{source: x.csv}}\nevaluation:\n  learning_curve: {{labels: {labels}}}\n"
    path.write_text(lines)
    return load_recipe(path, [])


def test_labels_are_training_and_validation_rows_in_the_proportion_of_the_split(dataset):
    asked = LabelCounts(labels=[50, 20, 50, 100, 200, 5000])
    conditions = make_conditions(Evaluation(learning_curve=asked), dataset, SPLITS, 0)
    assert [(each.aspect, each.level) for each in conditions] == 2 * [
        ("labels", 20), ("labels", 50), ("labels", 100)
    ]  # fmt: skip
    for each in conditions:
        assert len(each.split.validation) == each.level / 5
        assert len(each.split.train) == each.level * 4 / 5
        assert (each.split.test == TEST).all()


def test_fewer_labels_are_among_more_and_every_class_is_there(dataset):
    asked = LabelCounts(labels=[10, 20, 40, 120])
    conditions = make_conditions(Evaluation(learning_curve=asked), dataset, SPLITS, 0)
    parts = [each.split for each in conditions if each.split.index == 0]
    for part in ("train", "validation"):
        rows = [set(getattr(each, part).tolist()) for each in parts]
        assert all(smaller < larger for smaller, larger in pairwise(rows))
        assert rows[-1] < set({"train": TRAIN, "validation": VALIDATION}[part].tolist())
    for split in parts:
        counts = np.bincount(dataset.y[split.train], minlength=3)
        share = np.bincount(dataset.y[TRAIN]) / len(TRAIN)
        assert counts.min() >= 1  # of a class with 6 of 160 rows
        np.testing.assert_allclose(counts, share * len(split.train), atol=2)
    first, second = (
        next(each.split for each in conditions if each.split.index == k) for k in (0, 1)
    )
    assert set(first.train) != set(second.train)  # each split draws its own


def test_the_rows_of_a_number_do_not_depend_on_the_other_numbers(dataset):
    def rows_of(labels: list[int]) -> list[int]:
        asked = Evaluation(learning_curve=LabelCounts(labels=labels))
        conditions = make_conditions(asked, dataset, SPLITS, 0)
        return next(each.split.train.tolist() for each in conditions if each.level == 50)

    assert rows_of([50]) == rows_of([10, 50, 100])


def test_numbers_are_of_all_kinds_of_targets():
    for task in ("regression", "multilabel"):
        dataset = MODALITIES["table"](task)
        asked = Evaluation(learning_curve=LabelCounts(labels=[5, 50]))
        conditions = make_conditions(asked, dataset, SPLITS, 0)
        assert [len(each.split.train) for each in conditions] == [4, 40, 4, 40]


def test_too_few_labels_for_the_classes_are_an_error_at_the_key(dataset, tmp_path):
    (note,) = check_label_counts(recipe(tmp_path, "[4, 200, 300]"), dataset, SPLITS)
    assert str(note) == (
        "The learning curve leaves out 200, 300 labels: a split has 200 training and validation "
        "rows, which are its last point. [DLR070]"
    )
    with pytest.raises(RecipeError) as error:
        list(check_label_counts(recipe(tmp_path, "[3, 50]"), dataset, SPLITS))
    assert str(error.value) == (
        "r.yaml:3: evaluation.learning_curve.labels: 3 labels are too few: every class needs a "
        "training row, and there are validation rows beside them. Take at least 4"
    )


def test_a_class_that_no_training_row_has_needs_none(dataset, tmp_path):
    without = replace(dataset, y=np.minimum(dataset.y, 1))
    assert not list(check_label_counts(recipe(tmp_path, "[3, 50]"), without, SPLITS))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{labels: [2]}", "evaluation.learning_curve.labels.0 is 2, but must be at least 3"),
        ("{labels: []}", "evaluation.learning_curve.labels is a list, but must be a list with at "
         "least one item"),
        ("{labels: 50}", "evaluation.learning_curve.labels is 50, but must be a list"),
        ("[50, 100]", "evaluation.learning_curve: numbers of labels stand under labels. Write "
         "{labels: [50, 100]}"),
    ],
)  # fmt: skip
def test_numbers_that_are_none_are_refused(tmp_path, text, message):
    path = tmp_path / "r.yaml"
    path.write_text(f"data: {{source: x.csv}}\nevaluation:\n  learning_curve: {text}\n")
    with pytest.raises(RecipeError) as error:
        load_recipe(path, [])
    assert str(error.value) == f"r.yaml:3: {message}"


def test_they_can_be_set_on_the_command_line(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("data: {source: x.csv}\n")
    loaded = load_recipe(path, ["evaluation.learning_curve.labels=[50,100]"])
    assert measured_counts(loaded.evaluation.learning_curve, SPLITS) == [50, 100]
