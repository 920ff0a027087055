"""Which model is a study's, and that one trained on all rows replaces that of the last split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dlrun.contract.study import KeptModel
from dlrun.contract.trial import Cost, Trial
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.read import find_study
from dlrun.tracking.reader import ClientReader, SqliteReader
from dlrun.tracking.store import Store, local_path, search_runs
from dlrun.tracking.stored_model import find_model
from dlrun.tracking.studies import describe_study
from dlrun.tracking.study import StudyRun
from dlrun.tracking.tags import NOTE

ALL = KeptModel("linear", "all 150 rows")
WORDS = "Expected accuracy: 0.97 [0.95, 0.99], from 3 splits."


def write(
    study: StudyRun,
    trials: tuple[Trial, ...],
    folder: Path,
    scores: dict[str, tuple[float, float]],
    failing: str = "",
) -> None:
    """Write candidates with these test and validation scores."""
    for name, (test, validation) in scores.items():
        study.begin_candidate(name, "classic", {"C": 1.0})
        for trial in trials:
            own = replace(trial, candidate=name)
            own = replace(own, scores=dict.fromkeys(trial.scores, test))
            own = replace(own, validation_scores=dict.fromkeys(trial.scores, validation))
            is_failing = name == failing and trial.split.index == 0
            study.log_trial(replace(own, error="no") if is_failing else own)
        study.finish_candidate(name, folder)


@pytest.mark.parametrize(
    ("metric", "failing", "best"),
    [("accuracy", "", "b"), ("log_loss", "", "a"), ("accuracy", "b", "a")],
)
def test_without_word_of_the_study_the_best_by_validation_is_its_model(
    store: Store,
    facts: StudyFacts,
    trials: tuple[Trial, ...],
    model_folder: Path,
    metric: str,
    failing: str,
    best: str,
) -> None:
    """By no test score, and not the dummy, nor one that failed on a split."""
    scores = {
        "a": (0.9, 0.5),
        "b": (0.4, 0.6),
        "dummy": (0.99, 0.99 if metric == "accuracy" else 0),
    }
    metrics = (metric, *({"accuracy", "log_loss"} - {metric}))
    with StudyRun(store, replace(facts, metrics=metrics)) as study:
        write(study, trials, model_folder, scores, failing)
    assert find_model(store, study.id).candidate == best
    assert find_study(store).kept is None
    with StudyRun(store, facts) as study:
        write(study, trials, model_folder, scores)
        study.log_kept(KeptModel("a", "training rows of split 3 of 3"))
    assert str(find_model(store, study.id)) == "a, trained on training rows of split 3 of 3"


@pytest.fixture
def refitted(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...], model_folder: Path
) -> tuple[Store, str, Path]:
    """A study whose model was trained on all rows, and where the files of the last one were."""
    with StudyRun(store, facts) as study:
        write(study, trials, model_folder, {"linear": (0.9, 0.9), "other": (0.8, 0.8)})
        before = find_model(store, study.id, "linear").folder
        trial = replace(trials[0], cost=Cost(fit_seconds=2.345), best_epoch=None)
        study.log_refit(trial, {"C": 7.0}, model_folder, ALL, WORDS)
        study.log_kept(ALL)
    return store, study.id, before


def test_a_model_of_all_rows_replaces_that_of_the_last_split(
    refitted: tuple[Store, str, Path],
) -> None:
    store, study, before = refitted
    (run,) = search_runs(store, "params.candidate = 'linear'")
    (model_id,) = store.reader.models(run.info.run_id)
    logged = store.client.get_logged_model(model_id)
    assert logged.params == {"C": "7.0"}
    assert logged.tags["dlrun.trained_on"] == "all 150 rows"
    assert logged.tags["dlrun.refit_seconds"] == "2.35"
    assert logged.tags[NOTE] == WORDS
    assert not logged.metrics  # the scores are those of other models
    assert not before.exists()  # its files take no space
    folder = local_path(logged.artifact_location)
    assert folder and find_model(store, study).folder.is_relative_to(folder)
    for name in (study, run.info.run_id):
        assert str(find_model(store, name)) == "linear, trained on all 150 rows"
    other = find_model(store, study, "other")
    assert other.trained_on == "training rows of split 3 of 3"


def test_both_readers_and_the_study_say_which_model_is_kept(
    refitted: tuple[Store, str, Path],
) -> None:
    store, study, _ = refitted
    (run,) = search_runs(store, "params.candidate = 'linear'")
    (model_id,) = store.reader.models(run.info.run_id)
    assert isinstance(store.reader, SqliteReader)
    tags = store.reader.model_tags(model_id)
    assert tags == ClientReader(store.client).model_tags(model_id)
    assert tags["dlrun.candidate"] == "linear"
    assert find_study(store, study).kept == ALL
    assert describe_study(store, study).summary.kept == "linear, trained on all 150 rows"
