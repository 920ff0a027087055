"""A forecast: how many fits a study has, and what they are expected to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Final, Literal

from dlrun.contract.candidate import Family, Kind, side_of

LARGEST_EXPONENT: Final = 2.5  # of seconds as a power of rows

Purpose = Literal["splits", "search", "conditions", "final"]


@dataclass(frozen=True)
class Fits:
    """Fits of one candidate on as many rows each.

    Attributes:
        purpose: the plain trials, a search's, those under conditions, or the final model's.
        n: how many.
        n_rows: training rows of each.
    """

    purpose: Purpose
    n: int
    n_rows: int


@dataclass(frozen=True)
class TimedFit:
    """A trial on a sample of the rows, measured.

    Attributes:
        n_rows: training rows.
        seconds: without start-up and epochs: encoding, scoring, and all of an estimator.
        startup_seconds: of building and compiling, whatever the number of rows.
        epoch_seconds: of one epoch; 0 where there are none.
        memory_mb: the peak of the process, beyond what it had before.
        parameters: as `Cost.parameters`.
    """

    n_rows: int
    seconds: float
    startup_seconds: float = 0.0
    epoch_seconds: float = 0.0
    memory_mb: float = 0.0
    parameters: int = 0


@dataclass(frozen=True)
class Pace:
    """What one fit of a candidate takes, by its number of rows.

    Attributes:
        timed: on growing samples; empty where none could be timed.
        n_epochs: that each fit is expected to train; 0 where there are none.
        max_epochs: that it trains where it does not stop early.
        other_seconds: of each fit, whatever the number of rows: tracking, and the journal.
        row_mb: memory that another training row takes.
        parameter_mb: what a parameter takes on the disk.
        error: why it could not be timed; empty where it was.
    """

    timed: tuple[TimedFit, ...]
    n_epochs: float = 0.0
    max_epochs: int = 0
    other_seconds: float = 0.0
    row_mb: float = 0.0
    parameter_mb: float = 0.0
    error: str = ""

    def seconds(self, n_rows: int) -> float:
        """Return the seconds of one fit, with its scoring and tracking."""
        startup = self.timed[-1].startup_seconds if self.timed else 0.0
        epochs = self._grown("epoch_seconds", n_rows) * self.n_epochs
        return startup + epochs + self._grown("seconds", n_rows) + self.other_seconds

    @property
    def longest(self) -> Pace:
        """Return the pace of fits that do not stop early."""
        return replace(self, n_epochs=self.max_epochs)

    def capped(self, max_epochs: int) -> Pace:
        """Return the pace of fits of at most as many epochs."""
        most = min(self.max_epochs, max_epochs)
        return replace(self, n_epochs=min(self.n_epochs, most), max_epochs=most)

    def memory_mb(self, n_rows: int) -> float:
        """Return the memory that one fit takes."""
        if not self.timed:
            return 0.0
        last = self.timed[-1]
        return last.memory_mb + max(0, n_rows - last.n_rows) * self.row_mb

    def model_mb(self, n_rows: int) -> float:
        """Return the size of a model on the disk."""
        return self._grown("parameters", n_rows) * self.parameter_mb

    def _grown(self, attribute: str, n_rows: int) -> float:
        return grow([(each.n_rows, getattr(each, attribute)) for each in self.timed], n_rows)


@dataclass(frozen=True)
class CandidateForecast:
    """What a candidate's fits are expected to take.

    Attributes:
        fits: those to come.
        is_guess: whether it was not timed, and goes as others of its framework.
    """

    name: str
    kind: Kind
    fits: tuple[Fits, ...]
    pace: Pace
    is_guess: bool = False

    @property
    def family(self) -> Family:
        """Return its side."""
        return side_of(self.kind)

    @property
    def n_fits(self) -> int:
        """Return the number of fits."""
        return sum(each.n for each in self.fits)

    @property
    def seconds(self) -> float:
        """Return the seconds of all fits, one after the other."""
        return sum(each.n * self.pace.seconds(each.n_rows) for each in self.fits)

    @property
    def trial_seconds(self) -> float:
        """Return the seconds of the trials on all splits, with their searches."""
        trials = (each for each in self.fits if each.purpose in ("splits", "search"))
        return sum(each.n * self.pace.seconds(each.n_rows) for each in trials)


def grow(points: Sequence[tuple[int, float]], n_rows: int) -> float:
    """Return a value at some number of rows, from measured ones at ascending numbers.

    Between two numbers of rows and beyond the last, it is the power of the rows that goes through
    the last two; through one alone, proportional to the rows.
    """
    if not points or points[-1][1] <= 0:
        return 0.0
    rows, value = points[-1]
    exponent = 1.0
    if len(points) > 1 and points[-2][1] > 0 and points[-2][0] < rows:
        rows_before, before = points[-2]
        exponent = min(LARGEST_EXPONENT, max(0.0, log(value / before) / log(rows / rows_before)))
    growth: float = (n_rows / rows) ** exponent
    return value * growth


@dataclass(frozen=True)
class Forecast:
    """What a study is expected to take.

    Attributes:
        n_final: models that are trained on all rows at the end.
        final_seconds: of these trainings.
        overhead_seconds: of the study as a whole: imports, the store, the report.
        n_workers: trials that run at once.
        memory_mb: the peak of all processes together.
        disk_mb: what the store grows by.
        timing_seconds: what it took to make the forecast.
    """

    candidates: tuple[CandidateForecast, ...]
    n_final: int = 0
    final_seconds: float = 0.0
    overhead_seconds: float = 0.0
    n_workers: int = 1
    memory_mb: float = 0.0
    disk_mb: float = 0.0
    timing_seconds: float = 0.0

    @property
    def n_fits(self) -> int:
        """Return the number of fits of all candidates."""
        return self.n_final + sum(each.n_fits for each in self.candidates)

    @property
    def seconds(self) -> float:
        """Return the seconds of the study; workers share the fits on its splits evenly."""
        shared = sum(each.seconds for each in self.candidates) / self.n_workers
        return self.overhead_seconds + shared + self.final_seconds

    @property
    def longest(self) -> Forecast:
        """Return the forecast where no network stops early."""
        slow = (replace(each, pace=each.pace.longest) for each in self.candidates)
        return replace(self, candidates=tuple(slow))
