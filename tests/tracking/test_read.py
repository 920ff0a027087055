"""A study read back is the study that was written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dlrun.catalog.notes import EARLIER
from dlrun.contract.candidate import Epoch
from dlrun.contract.dataset import Dataset
from dlrun.contract.health import LayerHealth
from dlrun.contract.study import Study
from dlrun.contract.trial import BlendMember, Trial
from dlrun.data import model_io as saved
from dlrun.errors import TrackingError, UsageError
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.read import find_studies, find_study, with_id
from dlrun.tracking.store import Store, open_store, search_runs
from dlrun.tracking.stored_model import find_model
from dlrun.tracking.study import StudyRun

pytestmark = pytest.mark.slow

Write = Callable[[StudyRun], None]


@pytest.fixture(scope="module")
def study(written: tuple[Store, str]) -> Study:
    return find_study(written[0])


def short(store: Store, facts: StudyFacts) -> str:
    """Write a study without candidates; return its id."""
    with StudyRun(store, facts) as study:
        pass
    return study.id


def model_of(store: Store, candidate: str) -> str:
    run = search_runs(store, f"params.candidate = '{candidate}'")[0]
    (output,) = store.client.get_run(run.info.run_id).outputs.model_outputs
    return str(output.model_id)


def test_facts(study: Study, written: tuple[Store, str], dataset: Dataset) -> None:
    assert (study.id, study.name, study.experiment) == (written[1], "iris-1", "iris")
    assert (study.recipe, study.status, study.task) == ("iris", "FINISHED", "classification")
    assert study.labels == dataset.target.labels
    assert (study.metrics, study.rope) == (("accuracy", "log_loss"), 0.01)
    assert (study.n_rows, study.n_test_rows) == (150, 50)
    assert (study.split_digest, study.data_digest) == ("5" * 36, "d" * 36)
    assert abs(pd.Timestamp.now("UTC") - study.started) < pd.Timedelta(minutes=10)


def test_what_a_report_needs(study: Study, facts: StudyFacts) -> None:
    assert study.read_text("recipe.yaml") == facts.recipe_text
    assert study.read_text("environment.txt") == "Python 3.11\n"
    assert study.data is not None
    assert (study.data.source, study.data.target) == ("sklearn:iris", "species")
    assert set(study.data.columns.values()) == {"number"}
    assert study.data.sizes == ((100, 50, 50),) * 3
    assert study.features == {"linear": ("hog", "tfidf"), "net": ()}
    epochs = study.read_epochs("net")
    assert list(epochs["epoch"]) == [1, 2, 3, 4, 5] * 2
    assert list(epochs["val/loss"][:2]) == [1.1, 0.55]
    assert study.read_epochs("linear").empty


def test_a_study_of_an_earlier_version(store: Store, facts: StudyFacts) -> None:
    study_id = short(store, facts)
    (kept,) = Path(store.uri.removeprefix("sqlite:///")).parent.rglob("study.json")
    values = json.loads(kept.read_text())
    values["data"]["notes"] = ["A note without a code."]
    kept.write_text(json.dumps(values))
    data = find_study(store, study_id).data
    assert data is not None
    assert data.notes == (EARLIER.note("A note without a code."),)
    del values["data"], values["features"]
    kept.write_text(json.dumps(values))
    found = find_study(store, study_id)
    assert (found.data, found.features) == (None, None)


def test_columns_of_the_trials(study: Study) -> None:
    assert study.trials.columns.tolist() == [
        "candidate", "family", "kind", "repeat", "fold", "step", "seed", "status", "error",
        "accuracy", "log_loss", "val_accuracy", "val_log_loss",
        "fit_seconds", "cpu_seconds", "peak_memory_mb", "latency_ms_batch1",
        "latency_ms_batch1000", "model_mb", "parameters", "startup_seconds",
        "gpu_peak_memory_mb", "gpu_energy_wh",
        "n_epochs", "best_epoch", "max_epochs",
    ]  # fmt: skip


def test_numbers_of_the_trials_come_back_bit_for_bit(
    study: Study, trials: tuple[Trial, ...]
) -> None:
    linear = study.trials.query("candidate == 'linear'")
    for name in study.metrics:
        assert linear[name].tolist() == [trial.scores[name] for trial in trials]
    assert linear["seed"].tolist() == [2**32 - 1, 2**32 - 2, 2**32 - 3]
    assert linear["fit_seconds"].tolist() == [0.5, 1.5, 2.5]
    assert linear[["cpu_seconds", "val_log_loss", "best_epoch"]].isna().all(axis=None)


def test_a_failed_trial(study: Study) -> None:
    failed = study.trials.query("status == 'failed'").squeeze()
    assert (failed["candidate"], failed["step"]) == ("net", 2)
    assert failed["error"] == "the loss became NaN in epoch 2"
    assert failed[["accuracy", "fit_seconds"]].isna().all()


@pytest.mark.parametrize("name", ["null", "NA", "1e3", 'naïve, "quoted"'])
def test_a_candidate_of_any_name(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...], name: str
) -> None:
    with StudyRun(store, facts) as run:
        run.begin_candidate(name, "classic", {})
        run.log_trial(replace(trials[0], candidate=name))
        run.finish_candidate(name, None)
    study = find_study(store)
    assert study.trials["candidate"].tolist() == [name]
    assert len(study.read_predictions(name)) == 50


def test_predictions_keep_row_ids_codes_and_probabilities(
    study: Study, trials: tuple[Trial, ...], dataset: Dataset
) -> None:
    table = study.read_predictions("linear")
    assert table.columns.tolist() == [
        "row_id", "repeat", "fold", "truth", "prediction",
        "p_setosa", "p_versicolor", "p_virginica",
    ]  # fmt: skip
    rows = np.concatenate([trial.split.test for trial in trials])
    np.testing.assert_array_equal(table["row_id"], dataset.row_ids[rows])
    np.testing.assert_array_equal(table["truth"], dataset.y[rows])
    assert table["fold"].tolist() == [0] * 50 + [1] * 50 + [2] * 50
    values = np.concatenate([trial.predictions.values for trial in trials])
    np.testing.assert_array_equal(table.filter(like="p_"), values)
    np.testing.assert_array_equal(table["prediction"], values.argmax(axis=1))


def test_predictions_of_splits_that_failed_are_left_out(study: Study) -> None:
    assert study.read_predictions("net")["fold"].unique().tolist() == [0, 1]


def test_predictions_of_validation_rows_and_the_weights_of_a_blend(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...], dataset: Dataset
) -> None:
    members = (BlendMember("net", "deep", 2 / 3), BlendMember("=sum", "classic", 1 / 3))
    last = replace(trials[-1], candidate="blend", family="both", members=members)
    blended = replace(last, validation_predictions=last.predictions)
    with StudyRun(store, facts) as study:
        for name, kind, trial in (("linear", "classic", trials[0]), ("blend", None, blended)):
            study.begin_candidate(name, kind, {})
            study.log_trial(trial)
            study.finish_candidate(name, None)
    found = find_study(store, study.id)
    table = found.read_validation_predictions("blend")
    assert table is not None
    pd.testing.assert_frame_equal(table, found.read_predictions("blend"))
    np.testing.assert_array_equal(table["row_id"], dataset.row_ids[last.split.validation])
    assert found.read_validation_predictions("linear") is None
    assert found.read_weights("blend").to_dict("records") == [
        {"repeat": 0, "fold": 2, "candidate": "net", "family": "deep", "weight": 2 / 3},
        {"repeat": 0, "fold": 2, "candidate": "=sum", "family": "classic", "weight": 1 / 3},
    ]
    assert found.read_weights("linear").empty


def test_the_health_of_layers_is_kept_where_a_study_looks_inside(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...]
) -> None:
    layers = (LayerHealth("=dense", 1 / 3, 2.0, None), LayerHealth("null", dead=0.25))
    watched = replace(trials[0], epochs=(Epoch(1, 1, {}, 0.1, layers=layers),))
    inside = replace(facts, params={"evaluation.inside": True})
    with StudyRun(store, inside) as study:
        for name, trial in (("linear", watched), ("net", replace(trials[1], candidate="net"))):
            study.begin_candidate(name, "network", {})
            study.log_trial(trial)
            study.finish_candidate(name, None)
    found = find_study(store, study.id)
    table = found.read_layers("linear").astype(object)
    assert table.where(table.notna(), None).to_dict("records") == [
        {"repeat": 0, "fold": 0, "epoch": 1, **asdict(layer)} for layer in layers
    ]
    assert found.read_layers("net").empty


def test_an_earlier_study_has_no_layers(study: Study) -> None:
    assert study.read_layers("net").empty


def test_predictions_of_nobody(study: Study) -> None:
    with pytest.raises(UsageError) as error:
        study.read_predictions("svm")
    assert str(error.value) == "iris-1 has no candidate 'svm'. It has: net, dummy, linear"


def test_a_study_of_a_number(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...], dataset: Dataset
) -> None:
    y = dataset.frame["petal width"].to_numpy()
    target = replace(dataset.target, task="regression", labels=(), dtype="float")
    numbers = replace(dataset, target=target, y=y)
    said = replace(trials[0].predictions, values=y[trials[0].split.test] + 0.5)
    with StudyRun(store, replace(facts, dataset=numbers, metrics=("rmse",), rope=None)) as run:
        run.begin_candidate("linear", "classic", {})
        run.log_trial(replace(trials[0], predictions=said, scores={"rmse": 0.5}))
        run.finish_candidate("linear", None)
    study = find_study(store)
    assert (study.task, study.labels, study.rope) == ("regression", (), None)
    table = study.read_predictions("linear")
    assert table.columns.tolist() == ["row_id", "repeat", "fold", "truth", "prediction"]
    np.testing.assert_array_equal(table["prediction"], table["truth"] + 0.5)


def test_a_study_that_is_still_running_can_be_read(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...]
) -> None:
    with StudyRun(store, facts) as run:
        assert find_study(store, run.id).trials.empty
        run.begin_candidate("linear", "classic", {})
        run.log_trial(trials[0])
        study = find_study(store, run.id)
        assert (study.status, len(study.trials)) == ("RUNNING", 1)
        with pytest.raises(TrackingError) as error:
            study.read_predictions("linear")
    assert "/predictions.parquet: this file of linear is missing." in str(error.value)


def test_what_names_a_study(written: tuple[Store, str]) -> None:
    store, study_id = written
    child = search_runs(store, f"tags.`mlflow.parentRunId` = '{study_id}'")[0].info.run_id
    for name in (None, "last", "iris-1", "iris", study_id, study_id[:4], child, child[:6]):
        assert find_study(store, name).id == study_id
    assert [study.id for study in find_studies(store)] == [study_id]
    assert [study.name for study in find_studies(store, ["iris-1", "iris"])] == ["iris-1"] * 2


def test_the_last_study_of_an_experiment_and_of_all(folder: Path, facts: StudyFacts) -> None:
    iris, wine = (open_store(None, experiment=name) for name in ("iris", "wine"))
    short(iris, facts)
    second = short(iris, facts)
    third = short(wine, replace(facts, recipe="wine"))
    store = open_store(None, create=False)
    assert find_study(store, "iris").id == second
    assert find_study(store, "iris").name == "iris-2"
    assert find_study(store).id == third
    assert find_study(store).experiment == "wine"


def test_no_study_of_that_name(written: tuple[Store, str]) -> None:
    with pytest.raises(UsageError) as error:
        find_study(written[0], "iri")
    assert str(error.value) == (
        "iri: no study of that name, id or experiment. Did you mean 'iris-1'? There are: iris-1"
    )


def test_an_id_that_is_not_unique() -> None:
    runs = [
        SimpleNamespace(info=SimpleNamespace(run_id=f"abcdef{i}", run_name=f"iris-{i}"))
        for i in range(2)
    ]
    assert with_id(runs, "abcdef1") == runs[1]
    assert with_id(runs, "abd1") is with_id(runs, "abc") is None
    with pytest.raises(UsageError) as error:
        with_id(runs, "abcd")
    assert str(error.value) == (
        "abcd: several studies have an id that starts so: abcdef0 (iris-0), abcdef1 (iris-1)"
    )


def test_a_store_without_studies(store: Store) -> None:
    with pytest.raises(UsageError) as error:
        find_study(store)
    assert str(error.value) == f"{store.uri}: no study here yet. Run: dlrun train RECIPE"


def test_a_folder_that_was_moved(folder: Path, store: Store, facts: StudyFacts) -> None:
    short(store, facts)
    shutil.move(folder / "mlartifacts", folder / "elsewhere")
    with pytest.raises(TrackingError) as error:
        find_study(store)
    assert str(error.value).endswith(
        "/artifacts/study.json: this file of iris-1 is missing. Either the run ended too early "
        "to write it, or the folder of the store was moved"
    )


@pytest.mark.parametrize(
    ("name", "candidate", "found"),
    [(None, None, "linear"), ("iris-1", "net", "net"), ("iris", "dummy", "dummy")],
)
def test_the_model_of_a_study(
    written: tuple[Store, str], name: str | None, candidate: str | None, found: str
) -> None:
    folder = find_model(written[0], name, candidate).folder
    assert model_of(written[0], found) in folder.parts
    child = search_runs(written[0], f"params.candidate = '{found}'")[0]
    assert find_model(written[0], child.info.run_id).folder == folder
    assert saved.load(folder).facts.candidate == "linear"


def test_the_floor_is_not_the_best_though_it_scores_highest(written: tuple[Store, str]) -> None:
    runs = search_runs(written[0], "params.candidate = 'dummy'")
    assert runs[0].data.metrics["test/accuracy"] == 9.0
    assert model_of(written[0], "dummy") not in find_model(written[0], None).folder.parts


def test_a_model_that_was_moved(
    store: Store, facts: StudyFacts, write_study: Write, folder: Path
) -> None:
    with StudyRun(store, facts) as study:
        write_study(study)
    place = find_model(store, None).folder
    shutil.move(folder / "mlartifacts" / "models", folder / "elsewhere")
    with pytest.raises(TrackingError) as error:
        find_model(store, None)
    assert str(error.value) == (
        f"{place}: the model is missing. Was the folder of the store moved?"
    )


def test_no_model(store: Store, facts: StudyFacts, trials: tuple[Trial, ...]) -> None:
    with StudyRun(store, facts) as study:
        study.begin_candidate("net", "network", {})
        study.log_trial(Trial("net", "deep", trials[0].split, error="no memory"))
        study.finish_candidate("net", None)
    with pytest.raises(UsageError) as error:
        find_model(store, None)
    assert str(error.value) == "iris-1: no candidate of this study has finished with a score."
    with pytest.raises(UsageError) as error:
        find_model(store, None, "net")
    assert str(error.value) == "net: this candidate has no model, since it did not finish."
    with pytest.raises(UsageError) as error:
        find_model(store, None, "svm")
    assert str(error.value) == "iris-1 has no candidate 'svm'. It has: net"
