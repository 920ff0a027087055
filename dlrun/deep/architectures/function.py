"""The user's own function, `module:function`, as an architecture."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from dlrun.data.sources.user_functions import find_function, located_errors
from dlrun.deep.inputs.groups import Group
from dlrun.errors import DataError, TrainingError


def build(
    reference: str,
    folder: Path,
    trusted: Collection[str],
    groups: Mapping[str, Group],
    /,
    **settings: object,
) -> Any:
    """Call the function as `function(inputs, **settings)`, with one tensor for each group.

    Args:
        reference: module:function.
        folder: of the recipe, where the module is.
        trusted: modules elsewhere that the function may come from.
        groups: the column groups of the data.
        settings: the keys of the model beside `architecture`.

    Raises:
        TrainingError: the function is missing, does not take these settings, or fails.
    """
    try:
        function = find_function(reference, folder, trusted)
    except DataError as error:
        raise TrainingError(str(error)) from error
    inputs = {name: group.expand() for name, group in groups.items()}
    try:
        call = inspect.signature(function).bind(inputs, **settings)
    except TypeError as error:
        given = ", ".join(settings) or "none"
        message = (
            f"{reference}{inspect.signature(function)} cannot be called with its inputs and the "
            f"settings {given}: {error}"
        )
        raise TrainingError(message) from error
    try:
        with located_errors(reference):
            return function(*call.args, **call.kwargs)
    except DataError as error:
        raise TrainingError(str(error)) from error
