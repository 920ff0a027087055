"""Many recipes as one batch: two small ones, a broken one, and the same command again."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pandas as pd
import pytest

from dlrun.classic.candidate import ClassicCandidate

pytestmark = pytest.mark.slow

WINE = """\
data: {source: sklearn:wine}
model: none
baselines: [linear, knn]
evaluation: {folds: 2, repeats: 1, blend: false, refit: none}
"""
ROWS = "".join(f"{n},{n % 7},{'yes' if n % 3 else 'no'}\n" for n in range(60))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "wine.yaml").write_text(WINE)
    (tmp_path / "rows.yaml").write_text(WINE.replace("sklearn:wine", "rows.csv, target: y"))
    (tmp_path / "rows.csv").write_text(f"a,b,y\n{ROWS}")
    (tmp_path / "lost.yaml").write_text(WINE.replace("sklearn:wine", "lost.csv, target: y"))
    (tmp_path / "typo.yaml").write_text("data: {source: sklearn:wine}\ntrainer: {}\n")
    return tmp_path


def test_a_batch_goes_on_past_what_fails_and_from_where_it_was_stopped(folder, dlrun, monkeypatch):
    batch = ("bench", "typo.yaml", "wine.yaml", "lost.yaml", "rows.yaml")

    # stopped at the fourth fit of the second study
    fit, n_fits = ClassicCandidate.fit, []

    def stop(self, *arguments):
        n_fits.append(self.name)
        if len(n_fits) == 10:
            raise KeyboardInterrupt
        return fit(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ClassicCandidate, "fit", stop)
        patch.setattr("dlrun.cli.leave", lambda code: None)  # it would end the tests as well
        ran = dlrun(*batch, cwd=folder)
    assert ran.code == 130
    assert "To go on: dlrun bench typo.yaml wine.yaml lost.yaml rows.yaml\n" in ran.err
    assert "recipe 1 of 3" in ran.out and "recipe 3 of 3" in ran.out

    # the same command goes on
    n_fits.clear()
    files = ("--table", "scores.csv", "--html", "report.html")
    with monkeypatch.context() as patch:
        patch.setattr(ClassicCandidate, "fit", stop)
        ran = dlrun(*batch, *files, cwd=folder)
    assert ran.code == 1
    assert len(n_fits) == 3  # of six
    assert "wine is complete already (--fresh trains it anew)" in ran.out
    assert "Going on: 3 of 6 trials are done already" in ran.out
    assert "typo.yaml failed: typo.yaml:2: trainer is not a setting" in ran.err
    assert "lost failed: lost.yaml:1: data.source:" in ran.err
    assert "No verdict over data sets: none of them compares both sides." in ran.out
    assert "2 data sets: too few" in " ".join(ran.out.split())
    rows = list(csv.reader(StringIO((folder / "scores.csv").read_text())))
    assert rows[0][:3] == ["candidate", "wine (accuracy ↑)", "rows (ROC AUC ↑)"]
    assert {row[0] for row in rows[1:]} == {"dummy", "linear", "knn"}
    assert "Pairs</h2>" in (folder / "report.html").read_text()

    # all is complete; then the data of one recipe change, and another is wanted anew
    found = json.loads(dlrun("bench", "wine.yaml", "rows.yaml", "--json", cwd=folder).out)
    assert [each["name"] for each in found["data_sets"]] == ["wine", "rows"]
    assert found["duels"][0]["p_win"] is None
    pd.read_csv(folder / "rows.csv").iloc[:50].to_csv(folder / "rows.csv", index=False)
    again = dlrun("bench", "wine.yaml", "rows.yaml", cwd=folder)
    assert "wine is complete already" in again.out and "rows is complete" not in again.out
    fresh = dlrun("bench", "wine.yaml", "--fresh", "evaluation.folds=2", cwd=folder)
    assert "complete already" not in fresh.out and "linear, split 2/2" in fresh.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["wine.yaml", "--table", "a.xls"], "--table a.xls: its suffix names the format."),
        (["wine.yaml", "--html", "no/a.html"], "no/a.html: there is no folder no"),
        (["a.b=1"], "dlrun bench needs recipes"),
        (["wine.yaml", "wine.yaml"], "Two recipes are called wine."),
        (["typo.yaml"], "typo.yaml:2: trainer is not a setting"),
        (["wine.yaml", "--epochs", "3"], "Keys of the recipe are written without dashes"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(folder, dlrun, arguments, message):
    ran = dlrun("bench", *arguments, cwd=folder)
    assert ran.code == 2
    assert message in ran.err
    assert not (folder / "mlflow.db").exists()
