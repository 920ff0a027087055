"""A logged model: no pickle, explicit requirements, raw rows in, predictions out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

import dlrun
from dlrun.classic.candidates import make_candidates
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.recipe.schema import Recipe
from dlrun.tracking.client import prepare, quiet_mlflow
from dlrun.tracking.model import model_name, pack
from dlrun.tracking.store import Store, search_runs

pytestmark = pytest.mark.slow

Fit = Callable[[Dataset, str], Path]
Post = Callable[[Path, dict[str, Any]], Any]


@pytest.fixture
def flowers() -> Dataset:
    """Rows of every column type; whole numbers are the labels."""
    rng = np.random.default_rng(0)
    size = rng.normal(size=60)
    frame = pd.DataFrame(
        {
            "size (µm)": size,
            "rank": pd.Categorical([str(i % 3) for i in range(60)]),
            "day": pd.to_datetime("2024-01-01").as_unit("us") + pd.to_timedelta(range(60), "D"),
        }
    )
    return Dataset(
        "flowers",
        "by hand",
        (Column("size (µm)", "number"), Column("rank", "category"), Column("day", "datetime")),
        Target("petals", "classification", ("3", "5"), "int"),
        frame,
        (size > 0).astype(np.int64),
        np.arange(60),
    )


@pytest.fixture
def fit(tmp_path: Path) -> Fit:
    def run(dataset: Dataset, baseline: str) -> Path:
        recipe = Recipe.model_validate({"data": {"source": "x.csv"}, "baselines": [baseline]})
        folder, packed = tmp_path / "saved", tmp_path / "packed"
        folder.mkdir()
        candidate = make_candidates(recipe, dataset)[-1]
        candidate.fit(dataset, dataset, FitContext(0)).save(folder)
        prepare()
        pack(folder, packed)
        return packed

    return run


@pytest.fixture
def post() -> Post:
    """Send rows to what answers them in MLflow's scoring server."""
    with quiet_mlflow():
        import mlflow.pyfunc
        from mlflow.pyfunc.scoring_server import invocations

    def send(packed: Path, body: dict[str, Any]) -> Any:
        with quiet_mlflow():
            model = mlflow.pyfunc.load_model(str(packed))
            schema = model.metadata.get_input_schema()
            answer = invocations(json.dumps(body), "application/json", model, schema)
        return json.loads(answer.response)

    return send


ROWS = [
    {"size (µm)": 2, "rank": 1, "day": "2024-01-05", "unknown": "x"},
    {"size (µm)": -2.5, "rank": "2", "day": None},
    {"size (µm)": None, "rank": None, "day": "2024-02-01T10:00:00"},
]


def test_raw_rows_are_served(flowers: Dataset, fit: Fit, post: Post) -> None:
    answer = post(fit(flowers, "linear"), {"dataframe_records": ROWS})
    rows = answer["predictions"]
    assert [list(row) for row in rows] == [["prediction", "p_3", "p_5"]] * 3
    assert [row["prediction"] for row in rows[:2]] == [5, 3]
    assert all(row["p_3"] + row["p_5"] == pytest.approx(1) for row in rows)


def test_rows_by_columns_are_served_alike(flowers: Dataset, fit: Fit, post: Post) -> None:
    packed = fit(flowers, "decision_tree")
    names = ["size (µm)", "rank", "day"]
    split = {"columns": names, "data": [[row[name] for name in names] for row in ROWS]}
    by_columns = post(packed, {"dataframe_split": split})
    assert by_columns == post(packed, {"dataframe_records": ROWS})


def test_a_missing_column_is_a_bad_request(flowers: Dataset, fit: Fit, post: Post) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as error:
        post(fit(flowers, "linear"), {"dataframe_records": [{"rank": "1"}]})
    assert error.value.get_http_status_code() == 400
    assert error.value.message.endswith(
        "Error: the data lacks the columns 'size (µm)', 'day'. It has: rank"
    )


def test_numbers_are_served(flowers: Dataset, fit: Fit, post: Post) -> None:
    target = Target("price", "regression", dtype="float")
    y = flowers.frame["size (µm)"].to_numpy() * 3
    packed = fit(replace(flowers, target=target, y=y), "linear")
    rows = post(packed, {"dataframe_records": ROWS})["predictions"]
    assert [list(row) for row in rows] == [["prediction"]] * 3
    assert rows[0]["prediction"] > 3 > -3 > rows[1]["prediction"]


def test_what_an_mlflow_model_holds(flowers: Dataset, fit: Fit) -> None:
    packed = fit(flowers, "linear")
    files = sorted(str(path.relative_to(packed)) for path in packed.rglob("*") if path.is_file())
    assert files == [
        "MLmodel", "artifacts/model/model.json", "artifacts/model/model.skops",
        "python_env.yaml", "requirements.txt", "served.py",
    ]  # fmt: skip
    assert (packed / "requirements.txt").read_text().splitlines() == [
        f"dlrun=={dlrun.__version__}",
        *(f"{name}=={version(name)}" for name in ("mlflow", "scikit-learn", "skops")),
    ]
    flavors = yaml.safe_load((packed / "MLmodel").read_text())["flavors"]
    assert flavors["python_function"]["loader_module"] == "mlflow.pyfunc.loaders.code_model"


def test_trees_of_another_library_are_pinned_too(flowers: Dataset, fit: Fit) -> None:
    pytest.importorskip("xgboost")
    requirements = (fit(flowers, "xgboost") / "requirements.txt").read_text()
    assert "xgboost==" in requirements
    assert "lightgbm" not in requirements


def test_the_signature_lets_any_cell_be_empty(flowers: Dataset, fit: Fit) -> None:
    from mlflow.models import Model

    signature = Model.load(str(fit(flowers, "linear"))).signature
    assert signature.inputs.to_dict() == [
        {"type": "double", "name": "size (µm)", "required": False},
        {"type": "string", "name": "rank", "required": False},
        {"type": "string", "name": "day", "required": False},
    ]
    assert [(each.name, each.type.name) for each in signature.outputs.inputs] == [
        ("prediction", "long"), ("p_3", "double"), ("p_5", "double"),
    ]  # fmt: skip


def test_a_logged_model_is_found_by_its_run(written: tuple[Store, str]) -> None:
    store, _ = written
    run = search_runs(store, "params.candidate = 'net'")[0]
    (output,) = store.client.get_run(run.info.run_id).outputs.model_outputs
    assert output.step == 4  # the best epoch
    logged = store.client.get_logged_model(output.model_id)
    assert (logged.name, str(logged.status), logged.source_run_id) == (
        "iris-1-net", "READY", run.info.run_id,
    )  # fmt: skip
    assert logged.params == {"model.hidden": "[8, 8]", "training.epochs": "5"}
    assert (
        logged.tags.items()
        >= {
            "dlrun.study": "iris-1",
            "dlrun.candidate": "net",
            "dlrun.trained_on": "training rows of split 3 of 3",
        }.items()
    )
    on_model = {each.key: each for each in logged.metrics}
    assert {key: each.value for key, each in on_model.items()} == {
        key: value
        for key, value in run.data.metrics.items()
        if not key.startswith(("train/", "val/"))
    }
    accuracy = on_model["test/accuracy"]
    assert (accuracy.dataset_name, accuracy.dataset_digest) == ("iris", "d" * 36)
    assert logged.model_type == "deep"
    facts = yaml.safe_load(
        (Path(logged.artifact_location.removeprefix("file://")) / "MLmodel").read_text()
    )
    assert (facts["model_id"], facts["run_id"]) == (output.model_id, run.info.run_id)


def test_models_of_a_store_can_be_told_apart(written: tuple[Store, str]) -> None:
    store, _ = written
    models = store.client.search_logged_models([store.experiment_id])
    assert sorted(each.name for each in models) == ["iris-1-dummy", "iris-1-linear", "iris-1-net"]
    assert model_name("a/b-1", "mlp: 50%") == "a_b-1-mlp_ 50_"
