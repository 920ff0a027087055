"""dlrun: deep networks and classic machine learning from one recipe, on the same splits.

>>> import dlrun
>>> result = dlrun.train("recipes/quickstart.yaml", training__epochs=3)  # doctest: +SKIP
>>> result.verdict.sentence, result.table, result.model().predict(rows)  # doctest: +SKIP

Importing dlrun imports nothing else; what is used is imported then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlrun.system.version import __version__

if TYPE_CHECKING:
    from dlrun.api import StudyResult, compare, load, train

__all__ = ["StudyResult", "__version__", "compare", "load", "train"]


def __getattr__(name: str) -> Any:
    """Return a name of `dlrun.api`, imported when it is first used (PEP 562)."""
    if name in __all__:
        from dlrun import api

        return getattr(api, name)
    message = f"module 'dlrun' has no attribute {name!r}"
    raise AttributeError(message)
