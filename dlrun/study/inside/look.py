"""A look inside one candidate: all parts that suit it, each of which may fail alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dlrun.contract.inside import Inside
from dlrun.errors import DlrunError
from dlrun.study.inside.context import InsideContext
from dlrun.study.inside.embeddings import add_embeddings
from dlrun.study.inside.glass_box import add_glass_box
from dlrun.study.inside.probes import add_probes
from dlrun.study.inside.reasons import add_reasons
from dlrun.study.inside.units import add_units
from dlrun.study.trial import guarded
from dlrun.system import cost
from dlrun.system.secrets import mask

if TYPE_CHECKING:
    from dlrun.contract.candidate import Candidate, OnEpoch
    from dlrun.contract.dataset import Dataset, Split
    from dlrun.recipe.preprocessing import Preprocessing

Part = Callable[[InsideContext, Inside], Inside]
"""Adds what it finds; returns what it got where it does not suit the candidate."""

PARTS: Final[tuple[Part, ...]] = (
    add_probes,
    add_embeddings,
    add_units,
    add_reasons,
    add_glass_box,
)


@dataclass(frozen=True)
class Look:
    """The result of a look inside a candidate.

    Attributes:
        candidate: its name.
        inside: what was found; None where no part suits the candidate.
        errors: why parts failed, in words.
    """

    candidate: str
    inside: Inside | None = None
    errors: tuple[str, ...] = ()


def look(context: InsideContext) -> Look:
    """Compute all parts; one that fails costs no other."""
    inside, errors = context.nothing, list[str]()
    for part in PARTS:
        try:
            inside = part(context, inside)
        except Exception as error:  # of a library, or a bug; `explore` shows its traceback
            errors.append(_reason(error))
    return Look(context.candidate, None if inside == context.nothing else inside, tuple(errors))


def explore(context: InsideContext) -> Inside:
    """Compute all parts; an error in one is raised."""
    inside = context.nothing
    for part in PARTS:
        inside = part(context, inside)
    return inside


def _reason(error: Exception) -> str:
    if isinstance(error, DlrunError):
        return str(error)
    return mask(f"{type(error).__name__}: {error}")


@dataclass(frozen=True)
class LookJob:
    """A look to be taken; picklable. See `InsideContext` for what is not described here.

    Attributes:
        candidate: of the study.
    """

    candidate: Candidate
    folders: Mapping[str, Path]
    split: Split
    metric: str
    preprocessing: Preprocessing
    trained_on: str
    shows_rows: bool
    worst: tuple[int, ...] = ()

    def run(self, dataset: Dataset, on_epoch: OnEpoch, threads: int | None) -> Look:
        """Take the look; there are no epochs."""
        return guarded(self, partial(self._look, dataset, threads or cost.n_threads()))

    def failed(self, reason: str) -> Look:
        """Return the look that failed for this reason."""
        return Look(self.candidate.name, errors=(mask(reason),))

    def _look(self, dataset: Dataset, threads: int, _check_signals: Callable[[], None]) -> Look:
        context = InsideContext(
            self.candidate.name,
            self.candidate.family,
            self.folders,
            dataset,
            self.split,
            self.metric,
            self.preprocessing,
            self.trained_on,
            shows_rows=self.shows_rows,
            worst=self.worst,
        )
        with cost.limited_threads(threads):
            return look(context)
