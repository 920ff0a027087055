"""Where data comes from: files, arrays, named data sets and the user's own loaders."""

from __future__ import annotations

from typing import Protocol

from dlrun.catalog.parts import load_part
from dlrun.data.sources.raw import RawData


class SourceModule(Protocol):
    """The function of the module of a source (see `dlrun.catalog.sources`)."""

    def read(self, name: str, target: str | None) -> RawData:
        """Read a data set.

        Args:
            name: of the data set, after the scheme.
            target: a name for the target column, where the source has none.

        Raises:
            DataError: there is no such data set, or it cannot be downloaded.
        """


def source_module(scheme: str) -> SourceModule:
    """Import the module of a source."""
    module: SourceModule = load_part("dlrun.data.sources", scheme)
    return module
