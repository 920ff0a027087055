"""Sides and kinds, the whole way: an estimator that is a network, and one that is pretrained."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

RECIPE = """\
data: {source: sklearn:breast_cancer, max_rows: 150}
model: none
baselines:
  - linear
  - {estimator: sklearn.neural_network.MLPClassifier, hidden_layer_sizes: [8], early_stopping: true}
  - {estimator: tabpfn_client.TabPFNClassifier, C: 0.5}
  - {name: knn, side: deep}
evaluation: {folds: 3, repeats: 1, refit: none, metrics: [log_loss]}
"""
# A stand-in: it is by the name of its module that the class is known.
PRETRAINED = """\
from sklearn.linear_model import LogisticRegression


class TabPFNClassifier(LogisticRegression):
    pass
"""
TRUST = ("--trust-modules", "tabpfn_client")


@pytest.fixture(scope="module")
def study(
    dlrun: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str]]:
    """Return the folder of a trained study, and what training it printed."""
    folder = tmp_path_factory.mktemp("sides")
    (folder / "cancer.yaml").write_text(RECIPE, encoding="utf-8")
    (folder / "tabpfn_client.py").write_text(PRETRAINED, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        ran = dlrun("train", "cancer.yaml", *TRUST, cwd=folder)
        assert ran.code == 0, ran.err
        yield folder, ran.out
    sys.modules.pop("tabpfn_client", None)


def test_validate_names_the_kinds(study: Any, dlrun: Any) -> None:
    folder, _ = study
    shown = " ".join(dlrun("validate", "cancer.yaml", *TRUST, cwd=folder).out.split())
    assert (
        "Candidates: dummy, linear (classic), MLPClassifier, knn (network), "
        "TabPFNClassifier (pretrained)"
    ) in shown


def test_an_estimator_that_is_a_network_is_deep(study: Any, dlrun: Any) -> None:
    folder, _ = study
    found = json.loads(dlrun("compare", "--json", cwd=folder).out)
    kinds = {row["name"]: (row["family"], row["kind"]) for row in found["rows"]}
    assert kinds == {
        "dummy": ("classic", "classic"),
        "linear": ("classic", "classic"),
        "MLPClassifier": ("deep", "network"),
        "TabPFNClassifier": ("deep", "pretrained"),
        "knn": ("deep", "network"),
        "blend": ("both", None),
    }
    assert set(found["choices"]["classic"]) == {"linear"}
    assert found["verdict"]["kind"] != "none"


def test_the_verdict_says_what_pretraining_brought(study: Any) -> None:
    _, out = study
    words = " ".join(out.split())
    assert ("Pretraining " in words) != ("What pretraining brings is open: " in words)
    assert "trained from scratch" in words


def test_compare_by_kind(study: Any, dlrun: Any) -> None:
    folder, _ = study
    kinds = json.loads(dlrun("compare", "--json", cwd=folder).out)["kinds"]
    assert [each["kind"] for each in kinds] == ["pretrained", "network", "classic"]
    by_kind = ("compare", "--by", "kind")
    out = dlrun(*by_kind, cwd=folder).out
    assert out.splitlines()[1].split()[:2] == ["kind", "best"]
    assert all(f"{each['kind']} " in out for each in kinds)
    rows = list(csv.DictReader(StringIO(dlrun(*by_kind, "--csv", cwd=folder).out)))
    assert [row["best"] for row in rows] == [each["best"] for each in kinds]
    assert float(rows[0]["difference"]) == kinds[0]["difference"]["mean"]
    assert "\n| pretrained | TabPFNClassifier | " in dlrun(*by_kind, "--markdown", cwd=folder).out
    assert dlrun(*by_kind, "--sort", "mean", cwd=folder).err == (
        "--sort: it sorts candidates, so leave it out with --by kind\n"
    )
    report = folder / "report.html"
    assert dlrun("compare", "--html", str(report), cwd=folder).code == 0
    assert 'id="kinds"' in report.read_text(encoding="utf-8")


def test_mlflow_has_the_sides_the_kinds_and_what_the_recipe_said(study: Any) -> None:
    folder, _ = study
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'cancer'")
    runs = {
        run.data.params["candidate"]: run.data
        for run in client.search_runs([experiment.experiment_id])
    }
    tags = {
        name: (run.tags["dlrun.role"], run.tags.get("dlrun.kind")) for name, run in runs.items()
    }
    assert tags["MLPClassifier"] == ("deep", "network")
    assert tags["TabPFNClassifier"] == ("deep", "pretrained")
    assert tags["knn"] == ("deep", "network")
    assert tags["blend"] == ("both", None)
    assert runs["knn"].params["baselines.knn.side"] == "deep"
    file = client.download_artifacts(runs_id(client, experiment), "trials.csv", str(folder))
    kinds = pd.read_csv(file, keep_default_na=False).groupby("candidate")["kind"].first()
    assert kinds["TabPFNClassifier"] == "pretrained"
    assert kinds["blend"] == ""


def runs_id(client: Any, experiment: Any) -> str:
    (run,) = client.search_runs([experiment.experiment_id], "tags.`dlrun.role` = 'study'")
    return str(run.info.run_id)


@pytest.mark.slow
def test_the_side_of_the_recipe_turns_the_question(study: Any, dlrun: Any) -> None:
    """With all of them classic there is no verdict: the side is part of what is compared."""
    folder, _ = study
    listed = "baselines=[linear, {name: knn, side: classic}]"
    ran = dlrun("train", "cancer.yaml", listed, "name=other", cwd=folder)
    assert ran.code == 0, ran.err
    assert "there is no deep candidate" in " ".join(ran.out.split())
    assert dlrun("compare", "other", "--by", "kind", cwd=folder).err == (
        "--by kind: all candidates that finished a split are of one kind\n"
    )
