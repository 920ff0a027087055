"""The optional packages that read the weights of pretrained networks."""

from __future__ import annotations

import importlib
from typing import Any, Final

from dlrun.errors import ExtraError

EXTRAS: Final = {
    "huggingface_hub": ("huggingface-hub", "text"),
    "onnxruntime": ("onnxruntime", "sound"),
    "safetensors": ("safetensors", "text"),
    "tokenizers": ("tokenizers", "text"),
}
"""Package as it is imported → its name on PyPI, and dlrun's extra that installs it."""


def load(module: str) -> Any:
    """Import an optional package, or a module of it.

    Raises:
        ExtraError: the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name in EXTRAS:
            raise ExtraError(*EXTRAS[error.name]) from error
        raise
