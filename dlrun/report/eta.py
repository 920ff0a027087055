"""The time that is left of a study: of all trials to come of all candidates.

Time is read from the clock at each epoch and trial that ends, so that all between them counts:
encoding, scoring, tracking. What comes before a network's second call (imports, tracing, the first
batch) is start-up: it is no pace, and it is expected once for every trial to come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import mean
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dlrun.contract.candidate import Epoch, Family
    from dlrun.contract.trial import Trial

STEADY: Final = 3  # trials, from which the first, with its imports, is left out of the mean


@dataclass(frozen=True)
class PlannedTrials:
    """Trials that a study is going to run: of a candidate, or of its retraining.

    Attributes:
        title: the candidate's name, or that of the retraining.
        candidate: its name.
        sizes: of each trial, its training rows as a share of a whole split's; those that were kept
            from before are left out.
        is_searched: whether each trial is a search of many fits, whose epochs are no pace.
    """

    title: str
    candidate: str
    family: Family
    sizes: tuple[float, ...]
    is_searched: bool = False


@dataclass(frozen=True)
class TimeLeft:
    """An estimate of the time left.

    Attributes:
        is_lower: whether there are trials of a kind of which none has run, which are left out.
        is_upper: whether trials that may stop early are expected to use all their epochs.
        is_guess: whether a candidate that has not begun is expected to go as others of its family.
    """

    seconds: float
    is_lower: bool = False
    is_upper: bool = False
    is_guess: bool = False

    def __str__(self) -> str:
        """Write "at most 28 s left"; empty where nothing is left."""
        if self.seconds <= 0:
            return ""
        return f"{self._bound}{duration(max(1, round(self.seconds)))} left"

    @property
    def _bound(self) -> str:
        if self.is_lower:
            return "at least "
        return "about " if self.is_guess else "at most " if self.is_upper else ""


@dataclass
class TrialTimes:
    """When a trial began and its epochs ended, in seconds of a monotonic clock.

    Attributes:
        size: as in `PlannedTrials`.
        epochs: the last epoch and its end, of those that were not resumed.
        first: the first of them and its end.
        ended: None while the trial runs.
    """

    started: float
    size: float
    first: tuple[Epoch, float] | None = None
    last: tuple[Epoch, float] | None = None
    ended: float | None = None

    @property
    def pace(self) -> float | None:
        """Return the seconds of an epoch; of one alone without its start-up."""
        if self.first is None or self.last is None:
            return None
        n_later = self.last[0].number - self.first[0].number
        return (self.last[1] - self.first[1]) / n_later if n_later else self.first[0].steady_seconds

    @property
    def startup(self) -> float | None:
        """Return the seconds before the first steady step."""
        if self.first is None or self.first[0].steady_seconds is None:
            return None
        return max(0.0, self.first[1] - self.started - self.first[0].steady_seconds)

    @property
    def finish(self) -> float | None:
        """Return the seconds from the last epoch to the end of the trial."""
        return self.ended - self.last[1] if self.ended and self.last else None


@dataclass
class LineClock:
    """The times of a line of trials.

    Attributes:
        trials: that were run, the running one last.
        lengths: epochs of the trials that have ended, those kept from before included.
    """

    plan: PlannedTrials
    started: float
    trials: list[TrialTimes] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._next(self.started)

    def add_epoch(self, epoch: Epoch, now: float) -> None:
        """Record an epoch that has ended."""
        if not (epoch.resumed or self.plan.is_searched):
            running = self._running(now)
            running.first = running.first or (epoch, now)
            running.last = (epoch, now)

    def add_trial(self, trial: Trial, now: float) -> None:
        """Record a trial that has ended, or that was kept from before."""
        if trial.epochs and not self.plan.is_searched:
            self.lengths.append(len(trial.epochs))
        if not trial.resumed:
            self._running(now).ended = now
        self._next(now)

    def _next(self, now: float) -> None:
        """Expect the next trial from now on."""
        self.trials = self._ended
        if len(self.trials) < len(self.plan.sizes):
            self.trials.append(TrialTimes(now, self.plan.sizes[len(self.trials)]))

    def _running(self, now: float) -> TrialTimes:
        """Return the running trial; one that was planned as kept may turn out to be damaged."""
        if len(self._ended) == len(self.trials):
            self.trials.append(TrialTimes(now, 1.0))
        return self.trials[-1]

    @property
    def _ended(self) -> list[TrialTimes]:
        return [each for each in self.trials if each.ended is not None]

    @property
    def _is_done(self) -> bool:
        return len(self.plan.sizes) <= len(self._ended) == len(self.trials)

    @property
    def unit_seconds(self) -> float | None:
        """Return what a trial of size one is expected to take; None before that is known."""
        epochs = self._epochs_seconds
        if epochs is not None:
            return self._startup + epochs + self._finish
        ends = [each.ended - self.started for each in self.trials if each.ended is not None]
        sizes = [each.size for each in self._ended]
        if len(ends) >= STEADY:
            return (ends[-1] - ends[0]) / sum(sizes[1:])
        return ends[-1] / sum(sizes) if ends else None

    @property
    def is_upper(self) -> bool:
        """Return whether all epochs are expected for want of a trial that has ended."""
        return not self.lengths and self._pace is not None

    def left(self, now: float, guess: float | None) -> float | None:
        """Return the seconds left; None where unknown.

        Args:
            now: on the same clock.
            guess: what a trial of size one takes, where this line does not know it yet.
        """
        if self._is_done:
            return 0.0
        unit = self.unit_seconds if self.unit_seconds is not None else guess
        if unit is None:
            return None
        n_ended = len(self._ended)
        to_come = sum(self._whole(size, unit) for size in self.plan.sizes[n_ended + 1 :])
        return to_come + self._running_left(now, unit)

    def _whole(self, size: float, unit: float) -> float:
        epochs = self._epochs_seconds
        return unit * size if epochs is None else unit - epochs * (1 - size)

    def _running_left(self, now: float, unit: float) -> float:
        if not self.trials or self.trials[-1].ended is not None:
            return 0.0
        running = self.trials[-1]
        if running.last is None or running.pace is None:
            return max(0.0, self._whole(running.size, unit) - (now - running.started))
        epoch, at = running.last
        to_come = max(0.0, self._n_epochs(epoch) - epoch.number) * running.pace
        return max(0.0, to_come + self._finish - (now - at))

    def _n_epochs(self, epoch: Epoch) -> float:
        return mean(self.lengths) if self.lengths else epoch.of

    @property
    def _pace(self) -> tuple[Epoch, float] | None:
        """Return the last epoch, and the pace for a trial of size one by the last trial."""
        for each in reversed(self.trials):
            if each.last is not None and each.pace is not None:
                return each.last[0], each.pace / each.size
        return None

    @property
    def _epochs_seconds(self) -> float | None:
        """Return what all epochs of a trial of size one are expected to take."""
        known = self._pace
        return self._n_epochs(known[0]) * known[1] if known else None

    @property
    def _startup(self) -> float:
        """Return the start-up to expect; that of the first trial is mostly of imports."""
        later = _known(each.startup for each in self.trials[1:])
        if later:
            return mean(later)
        first = self.trials[0].first
        return first[0].startup_seconds or 0.0 if first else 0.0

    @property
    def _finish(self) -> float:
        known = _known(each.finish for each in self.trials)
        return mean(known) if known else 0.0


class StudyClock:
    """The times of all lines of a study."""

    def __init__(self, plan: Sequence[PlannedTrials]) -> None:
        self._plan = plan
        self._lines: dict[str, LineClock] = {}

    def begin(self, title: str, now: float) -> None:
        """Record that a line begins, which may not have been planned."""
        unplanned = PlannedTrials(title, title, "classic", (1.0,))
        plan = next((each for each in self._plan if each.title == title), unplanned)
        self._lines[title] = LineClock(plan, now)

    def add_epoch(self, title: str, epoch: Epoch, now: float) -> None:
        """Record an epoch that has ended."""
        self._lines[title].add_epoch(epoch, now)

    def add_trial(self, trial: Trial, now: float) -> None:
        """Record a trial that has ended."""
        self._lines[trial.candidate].add_trial(trial, now)

    def left(self, now: float) -> TimeLeft:
        """Estimate the time left; a line that has no time of its own goes as others do."""
        seconds, is_guess = [], False
        for plan in self._plan:
            line = self._lines.get(plan.title) or LineClock(plan, now)
            alike = self._unit_of("candidate", plan)
            guess = self._unit_of("family", plan) if alike is None else alike
            seconds.append(line.left(now, guess))
            is_guess |= bool(plan.sizes) and alike is None and guess is not None
        is_upper = any(line.is_upper for line in self._lines.values())
        return TimeLeft(sum(_known(seconds)), None in seconds, is_upper, is_guess)

    def _unit_of(self, key: str, plan: PlannedTrials) -> float | None:
        """Return what a trial takes in lines of the same candidate or family, where known."""
        lines = self._lines.values()
        alike = [each for each in lines if getattr(each.plan, key) == getattr(plan, key)]
        known = _known(line.unit_seconds for line in alike)
        return mean(known) if known else None


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
