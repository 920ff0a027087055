"""dlrun from Python, on the study that the tests of the verbs train."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import dlrun
from dlrun.errors import RecipeError, UsageError

pytestmark = pytest.mark.tf


@pytest.fixture
def folder(study, monkeypatch) -> Path:
    monkeypatch.chdir(study[0])
    return study[0]


def test_a_study_is_loaded_with_its_table_and_verdict(folder, dlrun):
    said = json.loads(dlrun("compare", "--json", cwd=folder).out)
    result = _api().load("last")
    assert result.verdict.sentence == said["verdict"]["sentence"]
    assert list(result.table["candidate"]) == [row["name"] for row in said["rows"]]
    assert result.table.equals(_api().compare("churn-1").table)
    assert repr(result).startswith("StudyResult(studies=")


def test_predictions_and_model_of_a_candidate(folder):
    result = _api().load()
    tested = result.predictions("mlp")
    assert len(tested) == 240
    rows = pd.read_csv(folder / "churn.csv")
    answers = result.model("mlp").predict(rows)
    last = tested[tested["fold"] == 2].set_index("row_id")
    assert np.allclose(answers.loc[last.index, "p_yes"], last["p_yes"], atol=1e-5)
    kept = result.studies[0].kept
    assert kept
    assert result.model().facts.candidate == kept.candidate


def test_an_unknown_candidate_is_named_with_those_that_there_are(folder):
    with pytest.raises(UsageError, match=r"^'nosuch' is not a candidate. There are: dummy, "):
        _api().load().predictions("nosuch")


def test_a_notebook_shows_the_report_in_a_frame(folder):
    result = _api().load()
    shown = result._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert "<" not in shown.removeprefix("<iframe").removesuffix("></iframe>")
    assert result.verdict.sentence.partition(":")[0] in shown


def test_a_recipe_can_be_a_mapping_with_overrides(study, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    recipe = {
        "data": {"source": str(study[0] / "churn.csv"), "target": "churned"},
        "model": "none",
        "baselines": ["decision_tree"],
    }
    result = _api().train(recipe, quiet=True, evaluation__folds=2, baselines=["knn"])
    assert set(result.table["candidate"]) == {"dummy", "knn"}
    assert result.studies[0].trials["fold"].max() == 1
    assert result.failed == {}
    with pytest.raises(RecipeError, match=r"^recipe.yaml:1: trainer is not a section|trainer"):
        _api().train({**recipe, "trainer": {}}, quiet=True)


def test_importing_dlrun_imports_nothing_else():
    code = "import sys, dlrun; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    installed = {name for name in done.stdout.split() if name not in sys.stdlib_module_names}
    assert {name for name in installed if name in ("numpy", "pydantic", "typer", "rich")} == set()
    assert "dlrun" in installed


def test_a_name_that_dlrun_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'dlrun' has no attribute 'fit'"):
        _ = _api().fit


def _api():
    """Return the package: the fixture `dlrun` runs the command line."""
    return dlrun
