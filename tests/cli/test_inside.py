"""A study that looks inside its network, and later looks from the saved models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.inside import Inside
from dlrun.tracking.read import find_study
from dlrun.tracking.store import open_store

pytestmark = [pytest.mark.tf, pytest.mark.slow]

RECIPE = """\
name: halves
data: {source: halves.csv, target: y}
model: {architecture: mlp, hidden: [8, 8]}
training: {epochs: 1}
baselines: [linear]
evaluation: {folds: 1, repeats: 1, inside: true, blend: false, refit: all}
"""


@pytest.fixture(scope="module")
def halves(tmp_path_factory, dlrun) -> Path:
    folder = tmp_path_factory.mktemp("inside")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, 2)), columns=["a", "b"])
    frame["y"] = np.where(frame["a"] > 0, "yes", "no")
    frame.to_csv(folder / "halves.csv", index=False)
    (folder / "halves.yaml").write_text(RECIPE)
    ran = dlrun("train", "halves.yaml", cwd=folder)
    assert ran.code == 0, ran.err
    assert "looking inside 3 candidates …" in ran.out
    return folder


def read(folder: Path, candidate: str = "mlp") -> Inside | None:
    store = open_store(f"sqlite:///{folder / 'mlflow.db'}", create=False)
    return find_study(store, "last").read_inside(candidate)


def test_a_study_looks_inside_where_its_recipe_says_so(halves):
    found = read(halves)
    assert found
    assert found.trained_on == "training rows of split 1 of 1"
    assert not found.has_seen_test_rows
    assert [layer.kind for layer in found.probes.layers] == ["Dense", "Dense"]
    assert found.probes.raw > 0.9
    assert len(found.embeddings.row_ids) == found.probes.n_test == 24
    assert found.reasons.method == "integrated_gradients"
    linear = read(halves, "linear")
    assert (linear.probes, linear.reasons.method) == (None, "coefficients")
    assert [row.row_id for row in linear.reasons.rows] == [row.row_id for row in found.reasons.rows]
    assert read(halves, "dummy") is None


def test_a_study_keeps_the_health_of_its_layers(halves):
    study = find_study(open_store(f"sqlite:///{halves / 'mlflow.db'}", create=False), "last")
    layers = study.read_layers("mlp").dropna(subset=["gradient_norm"])
    assert layers["layer"].tolist() == ["dense", "dense_1", "head"]
    assert study.read_layers("linear").empty


def test_a_later_look_says_what_its_model_has_seen(halves, dlrun):
    ran = dlrun("inside", "last", "mlp", "--tsne", "--html", "page.html", cwd=halves)
    assert ran.code == 0, ran.err
    assert "mlp: ROC AUC of a linear model on each layer" in ran.out
    assert "mlp: 6 rows explained by Integrated Gradients, in the report" in ran.out
    said = " ".join(ran.out.split())
    assert "trained on all 120 rows, these test rows among them" in said
    found = read(halves)
    assert found.has_seen_test_rows
    assert [each.method for each in found.embeddings.layers] == ["pca"] * 2 + ["tsne"] * 2
    page = (halves / "page.html").read_text("utf-8")
    assert page.count("Layer 2 Dense") >= 2


def test_there_is_nothing_inside_a_candidate_that_looks_at_nothing(halves, dlrun):
    ran = dlrun("inside", "last", "dummy", cwd=halves)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith("dummy: nothing here that could be looked into\n")


def test_data_that_has_changed_is_refused(halves, dlrun):
    table = (halves / "halves.csv").read_text()
    (halves / "halves.csv").write_text(table.replace("yes", "no", 1))
    ran = dlrun("inside", "last", cwd=halves)
    (halves / "halves.csv").write_text(table)
    assert ran.code == 2
    assert "halves.csv: the data have changed since halves-1 was trained" in ran.err
