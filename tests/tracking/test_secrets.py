"""No secret reaches an artifact, a tag, a parameter or a message, whatever way it came in."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dlrun.cli import main

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from conftest import Server

SECRETS = ("in-the-recipe", "in-an-override", "in-a-setting", "in-the-environment", "in-an-error",
           "in-a-query", "in-a-source", "in-the-description")  # fmt: skip
LEAKY = """\
import os
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

class Leaky(DecisionTreeClassifier):
    def __init__(self, api_key=None, url=None):
        super().__init__()
        self.api_key, self.url = api_key, url

    def fit(self, X, y):
        token = os.environ["MLFLOW_TRACKING_TOKEN"]
        url = "https://bob:in-an-error@db/x?access_token=in-a-query"
        raise ValueError(f"{url} with {token} does not answer")
"""
RECIPE = """\
name: leaky
description: rows of https://carl:in-the-description@files/
data: {source: "sklearn:iris"}
model: none
baselines:
  - {estimator: leaky.Leaky, api_key: in-a-setting, url: "s3://key:in-a-source@bucket/a.csv"}
evaluation: {folds: 2}
execution: {address: "tls://dora:in-the-recipe@head:8786"}
"""


def test_no_secret_is_published(
    folder: Path,
    server: Server,
    server_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (folder / "leaky.py").write_text(LEAKY)
    (folder / "r.yaml").write_text(RECIPE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "in-the-environment")
    uri = server.uri.replace("//", "//ann:in-an-override@")
    command = ["dlrun", "train", "r.yaml", f"tracking.uri={uri}", "--trust-modules", "leaky"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capfd.readouterr()
    assert (ended.value.code, "Leaky failed: " in err) == (1, True)
    inputs = {folder / "leaky.py", folder / "r.yaml"}
    files = [path for root in (folder, server_folder) for path in root.rglob("*")]
    texts = {
        str(path): path.read_bytes() for path in files if path.is_file() and path not in inputs
    }
    texts |= {"stdout": out.encode(), "stderr": err.encode()}
    assert any(name.endswith("report.html") for name in texts)
    found = {
        (secret, name) for name, text in texts.items() for secret in SECRETS
        if secret.encode() in text
    }  # fmt: skip
    assert found == set()
