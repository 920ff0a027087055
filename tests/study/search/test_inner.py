"""Inner folds: the training and validation rows alone, divided as the study divides its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from trials import make_dataset, make_splits

from dlrun.contract.dataset import Dataset, Split
from dlrun.study.search.inner import InnerFolds

SPLIT = make_splits(1)[0]


def folds(dataset: Dataset, method: str, split: Split = SPLIT) -> list[tuple[set[int], ...]]:
    return [tuple(set(part) for part in rows[:3]) for rows in InnerFolds(method).of(dataset, split)]


@pytest.mark.parametrize("method", ["random", "stratified", "group"])
def test_every_row_that_is_not_for_the_test_is_scored_once(method: str) -> None:
    groups = np.array([f"g{row // 3}" for row in range(90)], dtype=object)
    dataset = replace(make_dataset(), split_values=groups)
    known = {*SPLIT.train, *SPLIT.validation}
    found = folds(dataset, method)
    assert len(found) == 3
    assert sorted(row for _, _, scored in found for row in scored) == sorted(known)
    for train, stopping, scored in found:
        assert train | stopping | scored == known
        assert len(train) + len(stopping) + len(scored) == len(known)
        assert len(stopping) == pytest.approx(len(known) / 5, abs=3)
        if method == "group":
            names = [{*groups[list(part)]} for part in (train, stopping, scored)]
            assert not names[0] & names[1] | names[1] & names[2] | names[0] & names[2]


def test_folds_keep_the_share_of_classes() -> None:
    dataset = make_dataset()
    shares = [dataset.y[list(scored)].mean() for *_, scored in folds(dataset, "stratified")]
    assert max(shares) - min(shares) < 0.05


def test_folds_in_time_learn_from_the_past() -> None:
    dataset = replace(make_dataset(), split_values=np.arange(90.0))
    rows = np.arange(90)
    split = replace(SPLIT, train=rows[:60], validation=rows[60:75], test=rows[75:])
    found = folds(dataset, "time", split)
    assert len(found) == 3
    for train, stopping, scored in found:
        assert max(train) < min(stopping) <= max(stopping) < min(scored)
        assert max(scored) < 75


def test_folds_are_the_same_for_all_settings_and_others_for_other_splits() -> None:
    dataset = make_dataset()
    assert folds(dataset, "random") == folds(dataset, "random")
    assert folds(dataset, "random") != folds(dataset, "random", replace(SPLIT, seed=11))
