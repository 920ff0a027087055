"""One small study, trained once through the real command line, for all tests of the verbs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlrun.cli import main

RECIPE = """\
name: churn
description: A small study for the tests
data: {source: churn.csv, target: churned, exclude: [customer]}
model: {architecture: mlp, hidden: [8]}
training: {epochs: 2, batch_size: 32}
baselines: [linear, decision_tree]
evaluation: {folds: 3}
"""


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str


def run_dlrun(*arguments: str, cwd: Path) -> Ran:
    """Run the command line as a user does, in this process: TensorFlow is imported once."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["dlrun", *arguments])
        patch.setenv("COLUMNS", "100")
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    return Ran(0 if code is None else int(code), out.getvalue(), err.getvalue())


def write_churn(folder: Path, rows: int = 240) -> pd.DataFrame:
    """Write a table as people have them: missing values, dates, umlauts, a rare category."""
    rng = np.random.default_rng(3)
    tenure = rng.gamma(2.0, 10.0, rows)
    plan = rng.choice(["basic", "plus", "größe XL"], rows, p=[0.6, 0.38, 0.02])
    late = (tenure < 12) ^ (rng.random(rows) < 0.15)
    frame = pd.DataFrame(
        {
            "customer": np.arange(rows) + 1000,
            "tenure (Monate)": np.where(rng.random(rows) < 0.1, np.nan, tenure.round(1)),
            "plan": np.where(rng.random(rows) < 0.05, None, plan),
            "since": pd.to_datetime("2023-01-01")
            + pd.to_timedelta(rng.integers(0, 700, rows), unit="D"),
            "churned": np.where(late, "yes", "no"),
        }
    )
    frame.to_csv(folder / "churn.csv", index=False)
    return frame


@pytest.fixture(scope="session")
def dlrun() -> Callable[..., Ran]:
    return run_dlrun


@pytest.fixture(scope="session", name="write_churn")
def _write_churn() -> Callable[..., pd.DataFrame]:
    return write_churn


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """Return the folder of a trained study and what training it printed."""
    folder = tmp_path_factory.mktemp("study")
    write_churn(folder)
    (folder / "churn.yaml").write_text(RECIPE, encoding="utf-8")
    ran = run_dlrun("train", "churn.yaml", cwd=folder)
    assert ran.code == 0, ran.err
    return folder, ran
