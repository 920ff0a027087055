"""Names of layers that a reader of typed rows finds again in a loaded model."""

from __future__ import annotations

from urllib.parse import quote


def layer_name(kind: str, column: str) -> str:
    """Name the layer that reads a column; Keras allows no slash, TensorFlow ASCII alone."""
    quoted = quote(column, safe="").replace(".", "%2E").replace("%", ".")
    return f"dlrun_{kind}_{quoted}"
