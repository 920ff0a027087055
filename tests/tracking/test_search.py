"""The tables and metrics of a searched study, written and read back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from math import isnan, nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.search import SearchBudget, SearchTrial, Tuning
from dlrun.contract.trial import Trial
from dlrun.recipe.schema import Recipe
from dlrun.recipe.write import short_settings
from dlrun.tracking import tables
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.read import find_study
from dlrun.tracking.store import Store, open_store
from dlrun.tracking.study import StudyRun

HOSTILE = {"model.hidden": [64, 32], "C": 0.1 + 0.2, "penalty": None, "loss": "=1+1", "fit": True}


def _searched(trial: Trial, name: str = "linear") -> Trial:
    step = trial.split.index
    tried = (
        SearchTrial(1, {"C": 1.0}, 0.9, 0.5, 0.25, 12.5),
        SearchTrial(2, HOSTILE, 1 / 3 + step, 0.1, None, None),
        SearchTrial(3, {"C": 9.0}, error="=the loss became NaN, in epoch 2\nof 5"),
    )
    defaults = {metric: score - 0.125 for metric, score in trial.scores.items()}
    return replace(trial, candidate=name, tuning=Tuning(tried, 2, defaults, "folds"))


@pytest.fixture(scope="module")
def searched(
    empty_store: Path,
    facts: StudyFacts,
    trials: tuple[Trial, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Store, str]:
    """Candidates `=linear`, searched, and `dummy`, not."""
    folder = tmp_path_factory.mktemp("searched")
    shutil.copy(empty_store, folder)
    store = open_store(f"sqlite:///{folder}/mlflow.db", experiment="iris")
    facts = replace(facts, search_budget=SearchBudget(3, None))
    with StudyRun(store, facts) as study:
        study.begin_candidate("=linear", "classic", {"C": 1.0})
        study.begin_candidate("dummy", "classic", {})
        for trial in trials:
            study.log_trial(_searched(trial, "=linear"))
            study.log_trial(replace(trial, candidate="dummy"))
        study.finish_candidate("=linear", None)
        study.finish_candidate("dummy", None)
    return store, study.id


@pytest.mark.slow
def test_a_search_is_read_back_exactly(searched, trials) -> None:
    study = find_study(*searched)
    table = study.read_search()

    assert study.search_budget == SearchBudget(3, None)
    assert tuple(table.columns) == tables.SEARCH_COLUMNS
    assert len(table) == 3 * len(trials)
    first = table[table["step"] == 0]
    assert first["candidate"].tolist() == ["=linear"] * 3
    assert first["trial"].tolist() == [1, 2, 3]
    assert first["chosen"].tolist() == [False, True, False]
    assert first["score"].tolist()[:2] == [0.9, 1 / 3]
    assert isnan(first["score"].iloc[2])
    assert first["epochs"].iloc[0] == 12.5
    assert isnan(first["cpu_seconds"].iloc[1])
    assert first["error"].iloc[2] == "=the loss became NaN, in epoch 2\nof 5"
    assert json.loads(first["settings"].iloc[1]) == HOSTILE


@pytest.mark.slow
def test_trials_have_the_default_scores_and_the_cost_of_the_search(searched, trials) -> None:
    table = find_study(*searched).trials
    linear = table[table["candidate"] == "=linear"].reset_index()
    for row, trial in enumerate(trials):
        assert linear["default_accuracy"][row] == trial.scores["accuracy"] - 0.125
        assert linear["default_log_loss"][row] == trial.scores["log_loss"] - 0.125
    assert linear["n_search_trials"].tolist() == [3.0] * 3
    assert linear["search_seconds"].tolist() == [0.6] * 3
    assert linear["search_cpu_seconds"].tolist() == [0.25] * 3
    assert [json.loads(each) for each in linear["chosen_settings"]] == [HOSTILE] * 3
    dummy = table[table["candidate"] == "dummy"]
    assert dummy["default_accuracy"].isna().all()
    assert dummy["chosen_settings"].tolist() == [""] * 3


@pytest.mark.slow
def test_a_candidates_run_has_the_gain_and_the_seconds(searched) -> None:
    store, study_id = searched
    runs = {each.info.run_name: each for each in store.reader.candidates(study_id)}
    metrics = runs["=linear"].data.metrics
    assert metrics["tuning_gain"] == pytest.approx(0.125)
    assert metrics["search_seconds"] == pytest.approx(0.6)
    assert runs["=linear"].data.params["C"] == "1.0"  # the recipe's, not one split's choice
    assert "tuning_gain" not in runs["dummy"].data.metrics


@pytest.mark.slow
def test_files_of_a_search_are_no_formulas(searched) -> None:
    store, study_id = searched
    folder = Path(store.reader.run(study_id).info.artifact_uri)
    for name in (tables.SEARCH, tables.TRIALS):
        raw = pd.read_csv(folder / name, dtype="str", keep_default_na=False)
        cells = raw.to_numpy().ravel()
        assert not any(str(each).startswith(("=", "@", "+")) for each in cells)


def test_a_plain_study_has_no_columns_of_a_search(trials) -> None:
    rows = [tables.trial_row(each, "classic") for each in trials]
    table = tables.trials_table(rows, ("accuracy", "log_loss"))
    assert table.columns[-1] == "max_epochs"
    assert tables.search_table(trials).empty


def test_the_rows_of_a_sample_are_counted_where_there_is_one(trials) -> None:
    first, *others = (replace(each, tuning=None) for each in trials)
    sampled = [replace(first, n_sampled=400), *others]
    rows = [tables.trial_row(each, "classic") for each in sampled]
    counts = tables.trials_table(rows, ("accuracy", "log_loss"))["n_sampled"]
    assert counts.tolist()[0] == 400
    assert counts[1:].isna().all()


@pytest.mark.slow
def test_a_plain_study_has_no_search(written) -> None:
    study = find_study(*written)
    assert study.search_budget is None
    assert study.read_search().empty
    assert tuple(study.read_search().columns) == tables.SEARCH_COLUMNS


def test_lower_is_better_makes_a_gain_of_a_fall(trials) -> None:
    from dlrun.tracking.summary import summarize

    searched = [_searched(each) for each in trials]
    assert summarize(searched, "log_loss")["tuning_gain"] == pytest.approx(-0.125)
    failed = replace(searched[0], tuning=replace(searched[0].tuning, default_scores={}))
    assert "tuning_gain" not in summarize([failed], "accuracy")
    known = summarize([failed, *searched[1:]], "accuracy")["tuning_gain"]
    assert known == pytest.approx(0.125)


def test_secrets_among_settings_are_masked(trials) -> None:
    tried = (SearchTrial(1, {"api_key": "sk-1", "units": np.float64(0.5)}, nan),)
    row = tables.trial_row(replace(trials[0], tuning=Tuning(tried, 1)), "classic")
    assert json.loads(row["chosen_settings"]) == {"api_key": "***", "units": 0.5}


def test_the_search_is_among_the_params_where_there_is_one() -> None:
    data = {"data": {"source": "sklearn:iris"}}
    plain = short_settings(Recipe.model_validate(data))
    space = {"baselines.svm.C": {"log": [0.01, 100]}}
    searched = short_settings(
        Recipe.model_validate({**data, "search": {"trials": 5, "space": space}})
    )
    assert not any(key.startswith("search") for key in plain)
    assert searched["search.trials"] == 5
    assert searched["search.sampler"] == "tpe"
    assert searched["search.space.baselines.svm.C.log"] == [0.01, 100]
