"""Known truth: what is expected is held against what came out, and a wrong verdict is an exit 1."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from typer.testing import CliRunner

import dlrun.study.selftest
from dlrun.cli import app
from dlrun.recipe.examples import shipped_recipes
from dlrun.recipe.load import load_recipe
from dlrun.study.selftest import (
    KNOWN_ANSWERS,
    NOT_DEEP,
    KnownAnswerStudy,
    _best_classic,
    _collapses,
    _score,
)
from dlrun.study.verdict_checks import Finding


def outcome(kind="deep", **scores):
    rows = [
        SimpleNamespace(
            name=name, family="deep" if name == "cnn" else "classic", scores={"accuracy": score}
        )
        for name, score in scores.items()
    ]
    shuffled = {"candidate": ["cnn"] * 2, "aspect": ["shuffle_structure"] * 2, "score": [0.5, 0.6]}
    study = SimpleNamespace(metrics=("accuracy",), read_probe_scores=lambda: pd.DataFrame(shuffled))
    verdict = SimpleNamespace(kind=kind)
    return SimpleNamespace(comparison=SimpleNamespace(rows=rows, verdict=verdict), study=study)


@pytest.mark.parametrize(
    ("expect", "measured", "holds"),
    [
        (NOT_DEEP, "deep", False),
        (_score("cnn", "accuracy", 0.93), "0.940", True),
        (_score("cnn", "accuracy", 0.95), "0.940", False),
        (_score("cnn", "f1", 0.1), "nan", False),
        (_best_classic("accuracy", 0.7, 0.8), "0.750 (forest)", True),
        (_best_classic("accuracy", 0.7, 0.74), "0.750 (forest)", False),
        (_collapses("cnn", 0.56), "0.550", True),
        (_collapses("cnn", 0.5), "0.550", False),
    ],
)
def test_expectations_tell_what_was_measured_and_whether_it_holds(expect, measured, holds):
    assert expect(outcome(cnn=0.94, linear=0.5, forest=0.75))[1:] == (measured, holds)


@pytest.mark.parametrize("study", KNOWN_ANSWERS, ids=lambda y: y.name)
def test_every_known_study_is_a_shipped_recipe_that_loads(study: KnownAnswerStudy):
    paths = {path.stem: path for path in shipped_recipes()}
    load_recipe(paths[study.recipe], (*study.settings, *(study.quick or ())))


@pytest.mark.parametrize(
    ("holds", "code", "last"),
    [(True, 0, "All 2 expectations hold."), (False, 1, "1 of 2 expectations hold.")],
)
def test_one_wrong_verdict_is_an_exit_1(monkeypatch, holds, code, last):
    found = [Finding("wine", "verdict not deep", "undecided", True)]
    wrong = [Finding("MNIST-1D", "verdict deep", "classic", holds)]
    monkeypatch.setattr(
        dlrun.study.selftest, "run_known_answers", lambda *, quick: iter([found, wrong])
    )
    ran = CliRunner().invoke(app, ["selftest", "--quick"])
    assert ran.exit_code == code
    assert ran.output.splitlines()[-1] == last
    assert max(map(len, ran.output.splitlines())) < 80
