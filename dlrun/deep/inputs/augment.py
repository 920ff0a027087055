"""Random changes to encoded rows, made while training alone and never saved with the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dlrun.deep.inputs.encoding import Encoding
from dlrun.recipe.preprocessing import Preprocessing


def make_augmentations(
    encodings: Mapping[str, Encoding], preprocessing: Preprocessing
) -> dict[str, Callable[[Any], Any]]:
    """Make what the recipe asks for: group → a function of its encoded tensor."""
    return {}
