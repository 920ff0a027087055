"""Column groups: the columns of a type, or one image, sound, text or series, taken together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from numpy.typing import NDArray

from dlrun.contract.dataset import Column, ColumnType
from dlrun.deep.inputs import audio as sounds
from dlrun.deep.inputs import category as categories
from dlrun.deep.inputs import datetime as datetimes
from dlrun.deep.inputs import image as images
from dlrun.deep.inputs import number as numbers
from dlrun.deep.inputs import series
from dlrun.deep.inputs import text as texts
from dlrun.deep.inputs.encoding import Encoding, Fit, Read
from dlrun.recipe.preprocessing import Preprocessing

if TYPE_CHECKING:
    import pandas as pd


class InputKind(NamedTuple):
    """How the columns of a type are learned about and read; `reader` asks the Keras model."""

    fit: Fit
    reader: Callable[[Sequence[Column], Any], Read]


KINDS: Final[Mapping[ColumnType, InputKind]] = {
    "number": InputKind(numbers.fit_numbers, numbers.reader),
    "category": InputKind(categories.fit_categories, categories.reader),
    "image": InputKind(images.fit_images, images.reader),
    "text": InputKind(texts.fit_texts, texts.reader),
    "audio": InputKind(sounds.fit_sounds, sounds.reader),
    "series": InputKind(series.fit_series, series.reader),
    "datetime": InputKind(datetimes.fit_datetimes, datetimes.reader),
}
FLAT: Final = ("number", "category", "datetime")  # all columns of the type make one group


@dataclass(frozen=True)
class Group:
    """A group inside a network that is being built.

    Attributes:
        encoded: the Keras tensor of the encoded group.
    """

    encoding: Encoding
    encoded: Any

    @property
    def kind(self) -> ColumnType:
        """Say of which type its columns are."""
        return self.encoding.kind

    def expand(self) -> Any:
        """Make the tensor that an architecture receives; each call makes weights of its own."""
        return self.encoding.expand(self.encoded)


def group_columns(columns: Sequence[Column]) -> dict[str, tuple[Column, ...]]:
    """Part columns into groups, named by their type: text, text_2 and so on."""
    groups: dict[str, tuple[Column, ...]] = {}
    for kind in KINDS:
        found = tuple(column for column in columns if column.type == kind)
        if kind in FLAT and found:
            groups[kind] = found
        elif found:
            names = [kind, *(f"{kind}_{number}" for number in range(2, len(found) + 1))]
            groups.update({name: (column,) for name, column in zip(names, found, strict=True)})
    return groups


def fit_encodings(
    columns: Sequence[Column], frame: pd.DataFrame, preprocessing: Preprocessing
) -> dict[str, Encoding]:
    """Learn from the training rows how each group is encoded."""
    return {
        name: KINDS[group[0].type].fit(group, frame, getattr(preprocessing, group[0].type))
        for name, group in group_columns(columns).items()
    }


@dataclass(frozen=True)
class FrameReader:
    """Reads typed columns into groups, as the network's own reader does from raw columns."""

    reads: Mapping[str, Read]

    def read(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Return the groups, each (rows, *group.shape)."""
        return {name: read(frame) for name, read in self.reads.items()}


def frame_reader(columns: Sequence[Column], model: Any) -> FrameReader:
    """Make the reader of typed columns that agrees with a Keras model that reads raw ones."""
    return FrameReader(
        {
            name: KINDS[group[0].type].reader(group, model)
            for name, group in group_columns(columns).items()
        }
    )
