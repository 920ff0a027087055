"""Temporary files that others must not change are in a folder of this user alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlrun.system import private
from dlrun.system.private import private_folder


@pytest.fixture(autouse=True)
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(private, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    private_folder.cache_clear()
    yield tmp_path
    private_folder.cache_clear()


def test_it_is_the_same_in_every_process(shared: Path) -> None:
    folder = private_folder()
    private_folder.cache_clear()
    assert private_folder() == folder == shared / f"dlrun-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_one_that_others_can_write_is_not_used(shared: Path) -> None:
    predictable = shared / f"dlrun-{os.getuid()}"
    predictable.mkdir()
    predictable.chmod(0o777)
    folder = private_folder()
    assert folder != predictable and folder.parent == shared
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_is_not_followed(shared: Path) -> None:
    (shared / "theirs").mkdir(mode=0o700)
    (shared / f"dlrun-{os.getuid()}").symlink_to(shared / "theirs")
    assert private_folder().name not in ("theirs", f"dlrun-{os.getuid()}")


def test_the_owner_is_checked(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shared / "dlrun-4242").mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    assert private_folder().name != "dlrun-4242"
