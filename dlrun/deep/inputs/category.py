"""Category columns: values looked up in the training rows' vocabulary, then one-hot or embedded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.deep.backend import keras
from dlrun.deep.inputs.encoding import Encoding, Read, Spec
from dlrun.recipe.preprocessing import Category

if TYPE_CHECKING:
    import pandas as pd

MISSING: Final = ""  # as a raw value
MISSING_CODE: Final = 0
UNSEEN_CODE: Final = 1
FIRST_CODE: Final = 2
UNSEEN: Final = "\0unseen"  # Keras wants a token for it; no file holds this one
NOTHING: Final = "\0nothing"  # Keras wants a vocabulary even where every value is missing
MAX_ONE_HOT: Final = 16  # values of a column that `auto` gives a slot each
MAX_WIDTH: Final = 50  # of an embedding

ops = keras.ops
Table = Mapping[str, int]


def make_reader(columns: Sequence[Column], model: Any) -> Read:
    """Make the reader of category columns, with the vocabularies of a Keras model."""
    names = [column.name for column in columns]
    tables = lookup_tables(model, len(names))
    return lambda frame: read_categories(frame, names, tables)


def read_categories(
    frame: pd.DataFrame, names: Sequence[str], tables: Sequence[Table]
) -> NDArray[np.int64]:
    """Return the codes of the columns, (rows, columns) int64.

    Args:
        frame: categorical columns.
        names: the columns to read.
        tables: for each column, value → code.
    """
    codes = np.empty((len(frame), len(names)), dtype=np.int64)
    for position, (name, table) in enumerate(zip(names, tables, strict=True)):
        column = frame[name].array
        # A string is looked up once, not in every row; pandas' code of a missing one is -1.
        used, rows = np.unique(column.codes, return_inverse=True)
        values = column.categories.take(used[used >= 0])
        looked_up = [MISSING_CODE] * int((used < 0).sum())
        looked_up += [table.get(value, UNSEEN_CODE) for value in values]
        codes[:, position] = np.array(looked_up, dtype=np.int64)[rows]
    return codes


def lookup_tables(model: Any, n_columns: int) -> list[Table]:
    """Return value → code for each category column that a Keras model looks up."""
    layers = [model.get_layer(_lookup_name(i)) for i in range(n_columns)]
    return [
        {str(value): code for code, value in enumerate(layer.get_vocabulary())} for layer in layers
    ]


def _lookup_name(position: int) -> str:
    return f"dlrun_lookup_{position}"  # a column may be called lookup_0


@dataclass(frozen=True)
class CategoryEncoding(Encoding):
    """How category columns become codes, and codes slots of a vector.

    Code 0 is missing and 1 is unseen; the vocabulary follows. Only codes among the training rows
    get a one-hot slot: the weights of any other slot would stay random.

    Attributes:
        vocabularies: the values of each column that have a code of their own, sorted.
        one_hot: the codes of each column that have a slot; None where it is embedded.
    """

    vocabularies: tuple[tuple[str, ...], ...]
    one_hot: tuple[tuple[int, ...] | None, ...]

    kind: ClassVar[str] = "category"
    raw: ClassVar[Spec] = Spec((1,), "string")

    @property
    def group(self) -> Spec:
        """Describe the codes side by side."""
        return Spec((len(self.names),), "int64")

    def read(self, inputs: list[Any]) -> Any:
        """Look raw columns up, each (rows, 1) strings, and join their codes."""
        codes = [
            keras.layers.StringLookup(
                vocabulary=list(vocabulary) or [NOTHING],
                mask_token=MISSING,
                oov_token=UNSEEN,
                name=_lookup_name(position),
            )(column)
            for position, (column, vocabulary) in enumerate(
                zip(inputs, self.vocabularies, strict=True)
            )
        ]
        return keras.layers.Concatenate(axis=1, name="dlrun_categories")(codes)

    def expand(self, encoded: Any) -> Any:
        """Return the slots of every code: of all one-hot columns, then of the embedded ones."""
        slots = [(i, code) for i, codes in enumerate(self.one_hot) for code in codes or ()]
        parts = [_one_hot(encoded, slots)] if slots else []
        for position, codes in enumerate(self.one_hot):
            if codes is None:
                n_codes = FIRST_CODE + len(self.vocabularies[position])
                width = embedding_width(len(self.vocabularies[position]))
                layer = keras.layers.Embedding(n_codes, width, name=f"embedding_{position}")
                parts.append(layer(encoded[:, position]))
        return ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]


def _one_hot(codes: Any, slots: list[tuple[int, int]]) -> Any:
    """Compare every slot's column with its code at once: three operations for all columns."""
    columns, wanted = np.array(slots).T
    return ops.cast(ops.equal(ops.take(codes, columns, axis=1), wanted), "float32")


def embedding_width(n_values: int) -> int:
    """Choose the width of an embedding as fastai does (Howard & Gugger 2020)."""
    return int(min(MAX_WIDTH, max(1, round(1.6 * n_values**0.56))))


def fit(columns: Sequence[Column], frame: pd.DataFrame, settings: Category) -> CategoryEncoding:
    """Collect the vocabularies of the training rows."""
    names = [column.name for column in columns]
    vocabularies, one_hot = [], []
    for name in names:
        counts = frame[name].value_counts()
        counts = counts[counts > 0]
        vocabulary = tuple(sorted(map(str, counts.index[counts >= settings.min_count])))
        held = list(range(FIRST_CODE, FIRST_CODE + len(vocabulary)))
        if frame[name].isna().any():
            held.append(MISSING_CODE)
        if len(vocabulary) < len(counts):
            held.append(UNSEEN_CODE)
        vocabularies.append(vocabulary)
        one_hot.append(tuple(held) if _is_one_hot(len(vocabulary), settings) else None)
    return CategoryEncoding(tuple(names), tuple(vocabularies), tuple(one_hot))


def _is_one_hot(n_values: int, settings: Category) -> bool:
    if settings.encode == "auto":
        return n_values <= MAX_ONE_HOT
    return settings.encode == "onehot"
