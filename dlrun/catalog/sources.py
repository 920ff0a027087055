"""The collections of data sets that a recipe names with a scheme, such as `sklearn:wine`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Source:
    """A collection of named data sets; `dlrun.data.sources` has a module of the same name.

    Attributes:
        name: the scheme.
        title: what the collection is.
    """

    name: str
    title: str


SOURCES: Final = {
    row.name: row
    for row in (
        Source("sklearn", "tables that scikit-learn brings or downloads"),
        Source("openml", "tables of openml.org, by name or number"),
        Source("keras", "images, texts and tables of keras.datasets"),
    )
}
