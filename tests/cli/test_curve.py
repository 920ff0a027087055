"""`dlrun curve` over numbers of labels, of classic candidates: no TensorFlow."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from mlflow.tracking import MlflowClient

RECIPE = """\
data: {source: churn.csv, target: churned, exclude: [customer]}
model: none
baselines: [dummy, linear]
evaluation:
  folds: 3
  refit: none
  blend: false
  learning_curve: {labels: [12, 40, 5000]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, write_churn):
    made = tmp_path_factory.mktemp("curve")
    write_churn(made)
    (made / "c.yaml").write_text(RECIPE)
    return made


def test_a_curve_is_drawn_written_and_read_again(folder, dlrun):
    store = f"tracking.uri=sqlite:///{folder / 'mlflow.db'}"
    ran = dlrun("curve", "c.yaml", store, "--csv", "--html", "c.html", cwd=folder)
    assert ran.code == 0, ran.err
    lines = list(csv.DictReader(StringIO(ran.out)))
    assert [(line["kind"], line["labels"], line["splits"]) for line in lines] == [
        ("classic", n, "3") for n in ("12", "40", "160")
    ]
    assert "Labels needed" in (folder / "c.html").read_text()
    again = dlrun("compare", "--aspects", "--rules", "--uri", store.removeprefix("tracking.uri="),
                      cwd=folder)  # fmt: skip
    assert again.code == 0, again.err
    assert "there is no deep candidate" in again.out
    client = MlflowClient(store.removeprefix("tracking.uri="))
    (experiment,) = [each for each in client.search_experiments() if each.name == "c"]
    runs = client.search_runs([experiment.experiment_id])
    ids = [run.info.run_id for run in runs]
    figures = [each.path for own in ids for each in client.list_artifacts(own, "figures")]
    assert "figures/labels.svg" in figures


def test_what_cannot_be_written_is_refused_before_the_training(folder, dlrun):
    ran = dlrun("curve", "c.yaml", "--json", "--csv", cwd=folder)
    assert (ran.code, ran.out) == (2, "")
    assert "--json, --csv: choose one" in ran.err
    ran = dlrun("curve", "c.yaml", "--html", "no/where.html", cwd=folder)
    assert ran.code == 2
    assert "no/where.html: there is no folder no" in ran.err
    ran = dlrun("curve", "c.yaml", "evaluation.learning_curve=true", "--json", cwd=folder)
    assert ran.code == 2
    assert "Set evaluation.learning_curve.labels=[50,100,200]" in ran.err
