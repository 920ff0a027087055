"""How the texts of a column are written, as numbers or as dates, and which of them mean nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from dlrun.contract.dataset import Column

# What stands for a missing number or date, in any case. In a category such a word has a meaning.
MARKERS: Final = frozenset({
    "", "?", "-", "--", "---", "–", "—", ".", "..", "...", "*", "#", "na", "n/a", "n.a.", "n.a",
    "<na>", "#n/a", "#na", "#n/a n/a", "nan", "-nan", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan",
    "#div/0!", "#value!", "#ref!", "#num!", "null", "none", "nil", "missing", "unknown", "nd",
    "n.d.", "n/d", "nat",
})  # fmt: skip
SHARE: Final = 0.95  # of the values must be of a kind, for the others to count as missing …
MAX_OTHERS: Final = 20  # … which are at most so many different texts


@dataclass(frozen=True)
class Written:
    """How the texts of a column are written.

    Attributes:
        format: as in `dlrun.contract.dataset.Column`.
        n_values: cells, without those that hold markers.
        others: text → cells, of what is neither of the kind nor a marker.
        markers: text → cells, of what marks missing values.
        is_certain: the column is of the kind, whether the recipe says so or not.
        example: a text that is not plain, and its value; both empty where all are plain.
        alternative: another format that fits as well and gives other values, else empty.
    """

    format: str
    n_values: int
    others: Mapping[str, int]
    markers: Mapping[str, int]
    is_certain: bool
    example: tuple[str, str] = ("", "")
    alternative: str = ""

    def applied_to(self, column: Column, *, is_declared: bool) -> Column:
        """Return the column with this format and the texts that count as missing.

        They are the markers, and the others too unless the recipe declares the kind.
        """
        missing = (*column.missing, *self.markers, *(() if is_declared else self.others))
        return replace(column, format=self.format, missing=missing)


def is_marker(text: str) -> bool:
    """Return whether a text stands for a missing number or date."""
    return text.strip().casefold() in MARKERS


def split_markers(counts: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the values among the texts of a column, and the markers, each with its cells."""
    markers = {text: n for text, n in counts.items() if is_marker(text)}
    return {text: n for text, n in counts.items() if text not in markers}, markers


def are_few(others: Mapping[str, int], n_values: int) -> bool:
    """Return whether what is not of a kind is so little that it counts as missing."""
    return len(others) <= MAX_OTHERS and sum(others.values()) <= (1 - SHARE) * n_values
