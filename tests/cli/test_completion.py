"""What the shell completes, quickly and without a server."""

from __future__ import annotations

import pytest

from dlrun.cli.completion import recipe_files, study_names


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "more").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("flights.yaml", "flowers.yml", "data.csv", "more/wine.yaml"):
        (tmp_path / name).touch()


def test_recipes_and_folders():
    assert recipe_files("") == ["flights.yaml", "flowers.yml", "more/"]
    assert recipe_files("fl") == ["flights.yaml", "flowers.yml"]
    assert recipe_files("more/") == ["more/wine.yaml"]
    assert recipe_files("nowhere/x") == []


def test_without_a_local_store_only_the_last_study_has_a_name(monkeypatch):
    assert study_names("") == ["last"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert study_names("la") == ["last"]


def test_the_shell_asks_the_command_itself(dlrun, tmp_path, monkeypatch):
    monkeypatch.setenv("_DLRUN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "dlrun train fl")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert dlrun(cwd=tmp_path).out.split() == ["flights.yaml", "flowers.yml"]
    monkeypatch.setenv("COMP_WORDS", "dlrun studies re")
    assert dlrun(cwd=tmp_path).out.split() == ["rename"]
