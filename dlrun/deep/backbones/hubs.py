"""Weights from a hub: downloaded whole or not at all, and kept for later uses without it."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

from dlrun.catalog.applications import Application
from dlrun.deep.backbones import extras
from dlrun.system.download import DownloadError, download
from dlrun.system.text import first_line

OFFLINE: Final = ("DLRUN_OFFLINE", "HF_HUB_OFFLINE")
"""Environment variables that forbid downloads, unless they are empty, 0, false, no or off."""
SECONDS: Final = 10  # without an answer
FILES: Final = (
    "*.json", "vocab.txt", "merges.txt", "model*.safetensors", "model.weights.h5", "assets/*",
)  # fmt: skip
"""What a text encoder is read from, in a repository of Hugging Face or a preset of Keras."""
KERAS_FOLDER: Final = "models"  # of Keras' own cache
ROOT: Final = "https://storage.googleapis.com"


class HubError(Exception):
    """A hub cannot be reached, or does not give what was asked for."""


def is_offline(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the user forbids downloads."""
    no = ("", "0", "false", "no", "off")
    return any(environment.get(name, "").lower() not in no for name in OFFLINE)


def fetch_repository(name: str) -> Path:
    """Return the folder of a repository of Hugging Face, in the cache that all its tools share.

    What is there is taken as it is: a branch that has moved on is not looked at again.

    Args:
        name: owner/name, or owner/name@revision.

    Raises:
        HubError: it is not there, and cannot be downloaded.
        ExtraError: the package of the hub is not installed.
    """
    hub = extras.load("huggingface_hub")
    repository, _, revision = name.partition("@")
    asked: dict[str, Any] = {
        "repo_id": repository,
        "revision": revision or None,
        "allow_patterns": list(FILES),
    }
    try:
        return Path(hub.snapshot_download(**asked, local_files_only=True))
    except FileNotFoundError as error:
        if is_offline():
            message = f"it is not in the cache, and {' or '.join(OFFLINE)} forbids downloads"
            raise HubError(message) from error
    except ValueError as error:  # the name
        raise HubError(first_line(error)) from error
    try:
        _silence()
        _reach(extras.load("huggingface_hub.constants").ENDPOINT)
        return Path(hub.snapshot_download(**asked, etag_timeout=SECONDS))
    except Exception as error:  # of any kind: of the hub's client, and of what it is made of
        address = extras.load("huggingface_hub.constants").ENDPOINT
        message = f"{address} does not give it: {_reason(error)}"
        raise HubError(message) from error


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None) or error.__cause__ or error
    return first_line(inner) if isinstance(inner, Exception) else str(inner)


def _reach(address: str) -> None:
    """Raise an OSError unless a server answers anything: the hub's client may wait for ever."""
    try:
        urllib.request.urlopen(address, timeout=SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()


def _silence() -> None:
    """Keep bars and warnings of the hub's client from among dlrun's own lines."""
    extras.load("huggingface_hub.utils.logging").set_verbosity_error()
    extras.load("huggingface_hub.utils").disable_progress_bars()


def fetch_application(row: Application) -> Path:
    """Return the file with the weights of a network of Keras, in Keras' own cache.

    Raises:
        HubError: it is not there, and cannot be downloaded.
    """
    home = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()
    path = home / KERAS_FOLDER / Path(row.file).name
    if path.is_file():
        with path.open("rb") as file:
            if _digest(file, row) == row.digest:
                return path
    if is_offline():
        message = f"it is not at {path}, and {' or '.join(OFFLINE)} forbids downloads"
        raise HubError(message)

    def check(file: IO[bytes]) -> None:
        if _digest(file, row) != row.digest:
            message = "its checksum is not the one that Keras knows"
            raise OSError(message)

    try:
        download(f"{ROOT}/{row.file}", path, check, SECONDS)
    except DownloadError as error:
        raise HubError(str(error)) from error
    return path


def _digest(file: IO[bytes], row: Application) -> str:
    """Return a file's digest in the form that Keras' own one has."""
    algorithm = "md5" if len(row.digest) == len(hashlib.md5().hexdigest()) else "sha256"
    return hashlib.file_digest(file, algorithm).hexdigest()  # type: ignore[arg-type]
