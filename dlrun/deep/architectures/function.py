"""The user's own function, `module:function`, as an architecture."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.data.sources.user_functions import find_function
from dlrun.errors import DataError, TrainingError


def build(
    reference: str, folder: Path, inputs: Mapping[str, Any], settings: Mapping[str, object]
) -> Any:
    """Call the function as `function(inputs, **settings)`.

    Args:
        reference: module:function.
        folder: is searched for the module before the Python path.
        inputs: one tensor for each column group.
        settings: what the recipe says beside the architecture.

    Raises:
        TrainingError: there is no such function, it does not take these settings, or it fails.
    """
    try:
        function = find_function(reference, folder)
    except DataError as error:
        raise TrainingError(str(error)) from error
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
        return function(*call.args, **call.kwargs)
    except Exception as error:
        message = f"{reference} failed: {type(error).__name__}: {error}"
        raise TrainingError(message) from error
