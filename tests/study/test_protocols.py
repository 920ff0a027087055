from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from modalities import MODALITIES, N_ROWS

from dlrun.contract.dataset import Split, Splits
from dlrun.recipe.schema import Evaluation
from dlrun.study.protocols import make_conditions, make_perturbations

STRESS = ["noise", "missing", "junk_columns", "label_noise", "shuffle_structure"]
TRAIN, VALIDATION, TEST = np.split(np.random.default_rng(1).permutation(N_ROWS), [160, 200])
SPLITS = Splits(
    tuple(Split(0, fold, fold, fold, TRAIN, VALIDATION, TEST) for fold in range(5)), "digest"
)


def made(modality, **evaluation):
    dataset = MODALITIES[modality]("classification")
    chosen = Evaluation(**evaluation)
    return make_perturbations(chosen, dataset), make_conditions(chosen, dataset, SPLITS, seed=0)


def test_nothing_is_measured_that_was_not_asked_for():
    assert made("table") == ((), ())


def test_subsets_are_nested_and_keep_the_share_of_every_class():
    dataset = MODALITIES["table"]("classification")
    _, conditions = made("table", learning_curve=True)
    curve = [each for each in conditions if each.split.index == 0]
    assert [len(each.split.train) for each in curve] == [20, 34, 57, 95]  # 10 rows are too few
    whole = np.bincount(dataset.y[TRAIN]) / len(TRAIN)
    smaller = set()
    for each in curve:
        rows = set(each.split.train)
        assert smaller < rows <= set(TRAIN)
        assert set(each.split.validation) <= set(VALIDATION)
        assert len(each.split.validation) == round(each.level * len(VALIDATION))
        assert (each.split.test == TEST).all()
        share = np.bincount(dataset.y[each.split.train]) / len(each.split.train)
        np.testing.assert_allclose(share, whole, atol=0.08)
        smaller = rows
    assert len(conditions) == 5 * len(curve)


def test_chosen_fractions_are_taken_as_they_are():
    _, conditions = made("table", learning_curve=[0.5, 0.25])
    assert [each.level for each in conditions[:2]] == [0.25, 0.5]


def test_every_stress_is_there_on_three_splits():
    perturbations, conditions = made("mixed", stress=STRESS)
    assert [(each.aspect, each.level) for each in perturbations] == [
        ("noise", 0.1), ("noise", 0.3), ("missing", 0.1), ("missing", 0.3),
    ]  # fmt: skip
    aspects = [each.aspect for each in conditions]
    assert aspects == [name for name in STRESS[2:] for _ in range(3)]


def test_a_table_has_no_structure_to_shuffle_but_dates_to_shift_by():
    dataset = MODALITIES["table"]("classification")
    _, conditions = made("table", stress=["shuffle_structure"])
    (shift,) = conditions
    assert shift.aspect == "shift"
    days = dataset.frame["day"]
    assert days[shift.split.train].max() <= days[shift.split.validation].min()
    assert days[shift.split.validation].max() <= days[shift.split.test].min()
    parts = np.concatenate([shift.split.train, shift.split.validation, shift.split.test])
    assert sorted(parts) == sorted(np.flatnonzero(days.notna()))
    grouped = replace(dataset, split_values=np.arange(N_ROWS))
    assert make_conditions(Evaluation(stress=["noise"]), grouped, SPLITS, 0) == ()


def test_label_noise_spares_the_test_rows():
    dataset = MODALITIES["table"]("classification")
    _, conditions = made("table", stress=["label_noise"])
    spoiled = conditions[0].change(dataset)
    differs = spoiled.y != dataset.y
    assert not differs[TEST].any()
    assert differs[np.concatenate([TRAIN, VALIDATION])].mean() == pytest.approx(0.2)


def test_importance_permutes_columns_and_parts_of_arrays():
    names = [each.name for each in made("mixed", importance=True)[0]]
    whole = ["size (µm)", "noise", "colour", "review", "curve"]
    segments = [f"curve segment {n}" for n in range(1, 9)]
    assert list(dict.fromkeys(names)) == [*whole, *segments]
    assert len(names) == 3 * (len(whole) + len(segments))


def test_workers_can_be_sent_all_of_it():
    perturbations, conditions = made("mixed", stress=STRESS, importance=True, learning_curve=True)
    dataset = MODALITIES["mixed"]("classification")
    for each in perturbations:
        again = pickle.loads(pickle.dumps(each))
        changed = again.change(dataset.frame, np.random.default_rng(0))
        assert len(changed) == N_ROWS
    for condition in conditions[::4]:
        assert len(pickle.loads(pickle.dumps(condition)).change(dataset)) == N_ROWS
