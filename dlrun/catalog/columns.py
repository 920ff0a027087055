"""The kinds of columns: what other rooms must know of each, without importing how it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class ColumnKind:
    """A type that a column can have; `dlrun.data.types` has a module of the same name.

    Attributes:
        name: as it is written in a recipe.
        title: a plural noun for messages.
        is_grouped: all columns of the kind form one input of a network; else each is its own.
        max_inputs: of a saved network; more columns of the kind enter it side by side as one input,
            since every input of a Keras model costs about 10 ms to build, to save and to load.
        dtype: of the NumPy array in each cell; empty where a cell is a single value or a text.
        has_structure: neighbours within a cell (pixels, steps, words) carry meaning.
        has_segments: a cell has positions (patches, segments) that every row shares.
        has_format: texts may be written in several ways: 1,234.5 or 31.12.2024.
        is_verbatim: values are read from a text file as they are written: "007" is not 7.
        signature: the MLflow type of its values in a request to a served model.
        suffixes: of the files that a cell of this kind may name.
        architecture: the network that a new recipe starts with.
    """

    name: str
    title: str
    is_grouped: bool = False
    max_inputs: int | None = None
    dtype: Literal["", "uint8", "float32"] = ""
    has_structure: bool = False
    has_segments: bool = False
    has_format: bool = False
    is_verbatim: bool = False
    signature: Literal["double", "string", "any"] = "string"
    suffixes: tuple[str, ...] = ()
    architecture: str = "mlp"

    @property
    def is_array(self) -> bool:
        """Return whether a cell is a NumPy array."""
        return bool(self.dtype)


# In the order in which a network joins its inputs.
COLUMN_KINDS: Final = {
    row.name: row
    for row in (
        ColumnKind(
            "number", "numbers", is_grouped=True, max_inputs=200, has_format=True,
            signature="double",
        ),
        ColumnKind(
            "category", "categories", is_grouped=True, is_verbatim=True
        ),
        ColumnKind(
            "image", "images", dtype="uint8", has_structure=True, has_segments=True,
            suffixes=(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"),
            architecture="cnn",
        ),
        ColumnKind(
            "text", "texts", has_structure=True, is_verbatim=True,
            suffixes=(".txt",), architecture="text_cnn",
        ),
        ColumnKind(
            "audio", "sounds", dtype="float32", has_structure=True, has_segments=True,
            suffixes=(".wav", ".flac", ".ogg", ".mp3"), architecture="cnn",
        ),
        ColumnKind(
            "series", "series", dtype="float32", has_structure=True, has_segments=True,
            signature="any", architecture="fcn",
        ),
        ColumnKind("datetime", "dates", is_grouped=True, has_format=True),
    )
}  # fmt: skip
