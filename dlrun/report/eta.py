"""The time that is left of a study: of all trials to come of all candidates.

Time is read from the clock at each epoch and trial that ends, so that all between them counts:
encoding, scoring, tracking. What comes before a network's second call (imports, tracing, the first
batch) is start-up: it is no pace, and it is expected once for every trial to come. Where several
trials run at once, those to come are given to the workers in their order, as each gets free.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from statistics import mean
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dlrun.contract.candidate import Epoch, Family
    from dlrun.contract.trial import Trial
    from dlrun.report.line import SearchProgress

STEADY: Final = 2  # trials beyond the first of each worker, which are then left out of the mean


@dataclass(frozen=True)
class PlannedTrials:
    """Trials that a study is going to run: of a candidate, or of its retraining.

    Attributes:
        title: the candidate's name, or that of the retraining.
        candidate: its name.
        sizes: of each trial, its training rows as a share of a whole split's; those that were kept
            from before are left out.
        is_searched: whether each trial is a search of many fits, whose epochs are no pace.
        expected: seconds of a trial of size one, by a forecast; None without one.
    """

    title: str
    candidate: str
    family: Family
    sizes: tuple[float, ...]
    is_searched: bool = False
    expected: float | None = None


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
        first: the first epoch that was not resumed, and its end.
        last: the last one and its end.
        compiling: seconds of start-up in the epochs after the first.
        search: how far the search of its settings is, and when it got there.
        ended: None while the trial runs.
    """

    started: float
    size: float
    first: tuple[Epoch, float] | None = None
    last: tuple[Epoch, float] | None = None
    compiling: float = 0.0
    search: tuple[SearchProgress, float] | None = None
    ended: float | None = None

    @property
    def seconds(self) -> float | None:
        """Return how long it took; None while it runs."""
        return None if self.ended is None else self.ended - self.started

    @property
    def pace(self) -> float | None:
        """Return the seconds of an epoch, without start-up."""
        if self.first is None or self.last is None:
            return None
        n_later = self.last[0].number - self.first[0].number
        steady = max(0.0, self.last[1] - self.first[1] - self.compiling)
        return steady / n_later if n_later else self.first[0].steady_seconds

    @property
    def startup(self) -> float | None:
        """Return the seconds before the first steady step, and of what is compiled later."""
        if self.first is None or self.first[0].steady_seconds is None:
            return None
        before = self.first[1] - self.started - self.first[0].steady_seconds
        return max(0.0, before) + self.compiling

    @property
    def finish(self) -> float | None:
        """Return the seconds from the last epoch to the end of the trial."""
        return self.ended - self.last[1] if self.ended and self.last else None

    @property
    def search_seconds(self) -> float | None:
        """Return what the search is expected to take, with the last trial, by those so far."""
        if self.search is None:
            return None
        progress, at = self.search
        of = progress.of
        return None if of is None else (at - self.started) * (of + 1) / progress.n_trials


@dataclass
class LineClock:
    """The times of a line of trials.

    Attributes:
        n_workers: trials of the study that run at once.
        trials: that were run, in the order in which they started.
        running: index of a split that runs → its trial.
        lengths: epochs of the trials that have ended, those kept from before included.
    """

    plan: PlannedTrials
    n_workers: int = 1
    trials: list[TrialTimes] = field(default_factory=list)
    running: dict[int, TrialTimes] = field(default_factory=dict)
    lengths: list[int] = field(default_factory=list)

    def start(self, index: int, now: float) -> None:
        """Record that a trial begins, in place of one that was expected to."""
        expected = self.running.pop(index, None)
        if expected:
            self.trials.remove(expected)
        n, sizes = len(self.trials), self.plan.sizes
        trial = TrialTimes(now, sizes[n] if n < len(sizes) else 1.0)
        self.trials.append(trial)
        self.running[index] = trial

    def add_epoch(self, index: int, epoch: Epoch, now: float) -> None:
        """Record an epoch that has ended."""
        if not (epoch.resumed or self.plan.is_searched):
            running = self._running(index, now)
            running.compiling += (epoch.startup_seconds or 0.0) if running.first else 0.0
            running.first = running.first or (epoch, now)
            running.last = (epoch, now)

    def add_search(self, index: int, progress: SearchProgress, now: float) -> None:
        """Record a trial of a search that has ended."""
        self._running(index, now).search = (progress, now)

    def add_trial(self, index: int, trial: Trial, now: float) -> None:
        """Record a trial that has ended, or that was kept from before."""
        if trial.epochs and not self.plan.is_searched:
            self.lengths.append(len(trial.epochs))
        if not trial.resumed:
            self._running(index, now).ended = now
            del self.running[index]

    def _running(self, index: int, now: float) -> TrialTimes:
        """Return the running trial; one that was planned as kept may turn out to be damaged."""
        if index not in self.running:
            self.start(index, now)
        return self.running[index]

    @property
    def has_more(self) -> bool:
        """Return whether trials are to come."""
        return len(self.trials) < len(self.plan.sizes)

    @property
    def unit_seconds(self) -> float | None:
        """Return what a trial of size one is expected to take; None before that is known."""
        epochs = self._epochs_seconds
        if epochs is not None:
            return self._startup + epochs + self._finish
        ended = [each for each in self.trials if each.seconds is not None]
        ended = ended[self.n_workers :] if len(ended) >= self.n_workers + STEADY else ended
        if ended:
            sizes = sum(each.size for each in ended)
            return sum(_known(each.seconds for each in ended)) / sizes
        searches = _known(each.search_seconds for each in self.running.values())
        return mean(searches) if searches else None

    @property
    def fit_seconds(self) -> float | None:
        """Return what one fit of size one takes: a search has many."""
        unit = self.unit_seconds
        if unit is None or not self.plan.is_searched:
            return unit
        counts = [each.search[0].of for each in self.trials if each.search]
        return unit / (counts[-1] + 1) if counts and counts[-1] else None

    @property
    def is_upper(self) -> bool:
        """Return whether all epochs are expected for want of a trial that has ended."""
        return not self.lengths and self._pace is not None

    def left(self, now: float, guess: float | None) -> tuple[list[float], list[float]] | None:
        """Return the seconds left of each running trial, and those of each to come.

        Args:
            now: on the same clock.
            guess: what a trial of size one takes, where this line does not know it yet.

        Returns:
            None where that is unknown.
        """
        if not (self.running or self.has_more):
            return [], []
        unit = self.unit_seconds if self.unit_seconds is not None else guess
        if unit is None:
            return None
        to_come = [self._whole(size, unit) for size in self.plan.sizes[len(self.trials) :]]
        return [self._running_left(each, now, unit) for each in self.running.values()], to_come

    def _whole(self, size: float, unit: float) -> float:
        epochs = self._epochs_seconds
        return unit * size if epochs is None else unit - epochs * (1 - size)

    def _running_left(self, running: TrialTimes, now: float, unit: float) -> float:
        if running.last is None or running.pace is None:
            whole = running.search_seconds or self._whole(running.size, unit)
            return max(0.0, whole - (now - running.started))
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
        """Return the start-up to expect; that of a worker's first trial is mostly of imports."""
        later = _known(each.startup for each in self.trials[self.n_workers :])
        if later:
            return mean(later)
        begun = [(each.first[0], each.compiling) for each in self.trials if each.first]
        return (begun[0][0].startup_seconds or 0.0) + begun[0][1] if begun else 0.0

    @property
    def _finish(self) -> float:
        known = _known(each.finish for each in self.trials)
        return mean(known) if known else 0.0


class StudyClock:
    """The times of all lines of a study.

    Where one trial runs at a time, the next begins when one has ended, whatever the driver does
    in between; where several do, each begins when `start` is called.
    """

    def __init__(self, plan: Sequence[PlannedTrials], n_workers: int = 1, n_final: int = 0) -> None:
        """Expect these trials.

        Args:
            plan: in the order in which they start.
            n_workers: trials that run at once.
            n_final: models that are trained on all rows at the end, of whatever candidate.
        """
        self._plan = plan
        self._n_workers = n_workers
        self._n_final = n_final
        self._lines: dict[str, LineClock] = {}

    def begin(self, title: str, now: float) -> None:
        """Record that a line begins; one that was not planned is that of a final model."""
        plan = next((each for each in self._plan if each.title == title), None)
        if plan is None:
            self._n_final -= 1
            plan = PlannedTrials(title, title, "classic", (1.0,))
            self._plan = [*self._plan, plan]
        self._lines[title] = LineClock(plan, self._n_workers)
        self._expect(title, now)

    def start(self, title: str, index: int, now: float) -> None:
        """Record that a trial begins."""
        if self._n_workers > 1:
            self._lines[title].start(index, now)

    def add_epoch(self, title: str, index: int, epoch: Epoch, now: float) -> None:
        """Record an epoch that has ended."""
        self._lines[title].add_epoch(self._place(index), epoch, now)

    def add_search(self, title: str, index: int, progress: SearchProgress, now: float) -> None:
        """Record a trial of a search that has ended."""
        self._lines[title].add_search(self._place(index), progress, now)

    def add_trial(self, trial: Trial, now: float) -> None:
        """Record a trial that has ended."""
        self._lines[trial.candidate].add_trial(self._place(trial.split.index), trial, now)
        self._expect(trial.candidate, now)

    def left(self, now: float) -> TimeLeft:
        """Estimate the time left; a line that has no time of its own goes as others do."""
        running: list[float] = []
        to_come: list[float] = []
        is_lower = is_guess = False
        for plan in self._plan:
            line = self._lines.get(plan.title) or LineClock(plan, self._n_workers)
            guess = None if line.unit_seconds is not None else self._guess(plan)
            known = line.left(now, guess)
            is_lower |= known is None
            is_guess |= guess is not None and line.has_more
            for seconds, more in zip((running, to_come), known or ([], []), strict=True):
                seconds.extend(more)
        to_come += self._final_seconds
        is_upper = any(line.is_upper for line in self._lines.values())
        seconds_left = _shared(running, to_come, self._n_workers)
        return TimeLeft(seconds_left, is_lower, is_upper, is_guess)

    def _place(self, index: int) -> int:
        return index if self._n_workers > 1 else 0

    def _expect(self, title: str, now: float) -> None:
        """Expect the next trial of a line from now on, where trials run one after the other."""
        line = self._lines[title]
        if self._n_workers == 1 and (line.has_more or line.running):
            line.start(0, now)

    def _guess(self, plan: PlannedTrials) -> float | None:
        """Return what a trial takes by a forecast, else as others of its candidate or family."""
        if plan.expected is not None:
            return plan.expected
        lines = self._lines.values()
        for key in ("candidate", "family"):
            alike = [each for each in lines if getattr(each.plan, key) == getattr(plan, key)]
            if plan.is_searched:
                known = _known(each.unit_seconds for each in alike if each.plan.is_searched)
            else:
                known = _known(each.fit_seconds for each in alike)
            if known:
                return mean(known)
        return None

    @property
    def _final_seconds(self) -> list[float]:
        """Return what each training on all rows takes: the mean fit of all candidates."""
        known = _known(line.fit_seconds for line in self._lines.values())
        return [mean(known)] * max(0, self._n_final) if known else []


def _shared(running: Iterable[float], to_come: Iterable[float], n_workers: int) -> float:
    """Return when the last trial ends, where each to come starts on the worker that is free first.

    Args:
        running: seconds left of each trial that runs.
        to_come: seconds of each that does not, in the order in which they start.
        n_workers: trials that run at once.
    """
    if n_workers == 1:
        return sum(running) + sum(to_come)
    busy = [*running]
    free = busy + [0.0] * (n_workers - len(busy))
    heapify(free)
    for seconds in to_come:
        heapreplace(free, free[0] + seconds)
    return max(free)


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]
