"""The progress of a study: live lines on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.table import Column, Table
from rich.text import Text

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import counted, duration, first_line
from dlrun.report.eta import PlannedTrials, StudyClock
from dlrun.report.line import CandidateLine, SearchProgress, epoch_score
from dlrun.report.terminal import FAMILY_STYLES

if TYPE_CHECKING:
    from rich.console import Console

    from dlrun.contract.candidate import Epoch, Family, Framework
    from dlrun.contract.dataset import Split
    from dlrun.contract.trial import Trial

BAR_WIDTH: Final = 10
QUIET_SECONDS: Final = 10.0  # after which plain output mentions an epoch

Clock = Callable[[], float]  # seconds


@dataclass(frozen=True)
class StudyHeader:
    """Facts on a study that are printed before it runs.

    Attributes:
        recipe: its name.
        task: in words, such as "classification of late (2 classes)".
        metric: the primary one.
        columns: type → number of feature columns.
        n_splits: folds times repeats.
        n_train: rows of the first split, as `n_validation` and `n_test`.
        devices: in words.
        tracking: the tracking store in words.
        fits: how many there are, in words.
        expected: what the study is expected to take, in words; empty where nothing is known.
        plan: the trials to come, for the time left.
        n_workers: trials that run at once.
        n_final: models that are trained on all rows at the end.
    """

    recipe: str
    task: str
    metric: str
    n_rows: int
    columns: Mapping[str, int]
    n_splits: int
    n_train: int
    n_validation: int
    n_test: int
    devices: str
    tracking: str
    fits: str = ""
    expected: str = ""
    plan: tuple[PlannedTrials, ...] = ()
    n_workers: int = 1
    n_final: int = 0

    @property
    def lines(self) -> dict[str, str]:
        """Return title → text."""
        types = ", ".join(f"{n} {kind}" for kind, n in self.columns.items())
        sizes = f"{self.n_train:,} train, {self.n_validation:,} validation, {self.n_test:,} test"
        lines = {
            "recipe": self.recipe,
            "task": f"{self.task}, by {get_metric(self.metric).title}",
            "data": f"{counted(self.n_rows, 'row')}: {types}",
            "splits": f"{self.n_splits}: {sizes}",
            "fits": self.fits,
            "expected": self.expected,
            "devices": self.devices,
            "tracking": self.tracking,
        }
        return {title: text for title, text in lines.items() if text}

    @property
    def clock(self) -> StudyClock:
        """Return a clock for the trials to come."""
        return StudyClock(self.plan, self.n_workers, self.n_final)


class Reporter:
    """Receives the events of a study; this base class shows none of them."""

    def start(self, header: StudyHeader) -> None:
        """Show the header of the study."""

    def begin(self, candidate: str, family: Family, n_splits: int, framework: Framework) -> None:
        """Show that a candidate starts; on all rows where there are no splits."""

    def trial(self, candidate: str, split: Split) -> None:
        """Show that a trial starts."""

    def epoch(self, candidate: str, split: Split, epoch: Epoch) -> None:
        """Show an epoch that has ended."""

    def searched(self, candidate: str, split: Split, progress: SearchProgress) -> None:
        """Show a trial of a search that has ended."""

    def end(self, trial: Trial) -> None:
        """Show a trial that has ended."""

    def note(self, text: str) -> None:
        """Show a note."""

    def close(self) -> None:
        """Stop; safe to call twice, and after an error."""


def choose_reporter(console: Console, *, quiet: bool = False) -> Reporter:
    """Return live lines for a terminal, plain lines otherwise, nothing when quiet."""
    if quiet:
        return Reporter()
    return LiveReporter(console) if console.is_terminal else PlainReporter(console)


class PlainReporter(Reporter):
    """A line per trial, and one per epoch after some seconds without output."""

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._metric = ""
        self._study = StudyClock(())
        self._n_splits: dict[str, int] = {}
        self._searching: dict[tuple[str, int], SearchProgress] = {}
        self._printed = clock()

    def start(self, header: StudyHeader) -> None:
        """Print the header."""
        self._metric = header.metric
        self._study = header.clock
        print_header(self._console, header)

    def begin(self, candidate: str, family: Family, n_splits: int, framework: Framework) -> None:
        """Say that a network is built, which is silent for seconds."""
        self._n_splits[candidate] = n_splits
        self._study.begin(candidate, self._clock())
        if framework == "tensorflow":
            self._console.print(Text(f"building {candidate} …"), soft_wrap=True)

    def trial(self, candidate: str, split: Split) -> None:
        """Take the time."""
        self._study.start(candidate, split.index, self._clock())

    def epoch(self, candidate: str, split: Split, epoch: Epoch) -> None:
        """Print the epoch if nothing was printed for `QUIET_SECONDS`."""
        now = self._clock()
        self._study.add_epoch(candidate, split.index, epoch, now)
        if now - self._printed >= QUIET_SECONDS:
            place = f"epoch {epoch.number}/{epoch.of}"
            if progress := self._searching.get((candidate, split.index)):
                place = f"{progress.running}, {place}"
            self._print(candidate, split, place, epoch_score(epoch, self._metric))

    def searched(self, candidate: str, split: Split, progress: SearchProgress) -> None:
        """Print the best score so far if nothing was printed for `QUIET_SECONDS`."""
        self._searching[candidate, split.index] = progress
        self._study.add_search(candidate, split.index, progress, self._clock())
        if self._clock() - self._printed >= QUIET_SECONDS:
            title = get_metric(self._metric).title
            self._print(candidate, split, str(progress), f"best {title} {progress.best:.4g}")

    def end(self, trial: Trial) -> None:
        """Print the trial's score, or the reason of its failure."""
        self._searching.pop((trial.candidate, trial.split.index), None)
        self._study.add_trial(trial, self._clock())
        if trial.error:
            self._print(trial.candidate, trial.split, f"failed: {first_line(trial.error)}")
            return
        epochs = counted(len(trial.epochs), "epoch") if trial.epochs else ""
        seconds = trial.cost.fit_seconds
        took = "" if seconds is None else duration(seconds)
        took = "kept from before" if trial.resumed else took
        value = trial.scores.get(self._metric)  # none on all rows
        score = "" if value is None else f"{get_metric(self._metric).title} {value:.4g}"
        self._print(trial.candidate, trial.split, score, epochs, took)

    def note(self, text: str) -> None:
        """Print the note."""
        self._console.print(Text(text), soft_wrap=True)

    def _print(self, candidate: str, split: Split, *parts: str) -> None:
        self._printed = self._clock()
        left = self._study.left(self._printed)
        texts = [text for text in (*parts, str(left)) if text]
        n_splits = self._n_splits[candidate]
        place = f", split {split.index + 1}/{n_splits}" if n_splits else ""
        self._console.print(Text(f"{candidate}{place}: {', '.join(texts)}"), soft_wrap=True)


class LiveReporter(Reporter):
    """A line per candidate that is redrawn while it trains."""

    def __init__(self, console: Console, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._metric = ""
        self._study = StudyClock(())
        self._lines: dict[str, CandidateLine] = {}
        self._tasks: dict[str, TaskID] = {}
        bar = BarColumn(BAR_WIDTH, complete_style="blue", finished_style="green")
        name, place = _Name(Column(no_wrap=True)), _Place(Column(no_wrap=True))
        columns = (name, bar, place, _Score(), _Time(self._time_left))
        self._progress = Progress(*columns, console=console, refresh_per_second=4)

    def start(self, header: StudyHeader) -> None:
        """Print the header, and start to draw below it."""
        self._metric = header.metric
        self._study = header.clock
        print_header(self._progress.console, header)
        self._progress.start()

    def begin(self, candidate: str, family: Family, n_splits: int, framework: Framework) -> None:
        """Add the line of a candidate."""
        line = CandidateLine(self._metric, family, n_splits, framework)
        self._lines[candidate] = line
        self._study.begin(candidate, self._clock())
        self._tasks[candidate] = self._progress.add_task(candidate, total=1.0, line=line)

    def trial(self, candidate: str, split: Split) -> None:
        """Take the time."""
        self._study.start(candidate, split.index, self._clock())

    def epoch(self, candidate: str, split: Split, epoch: Epoch) -> None:
        """Update the line of the candidate."""
        self._lines[candidate].add_epoch(split.index, epoch)
        self._study.add_epoch(candidate, split.index, epoch, self._clock())
        self._update(candidate)

    def searched(self, candidate: str, split: Split, progress: SearchProgress) -> None:
        """Update the line of the candidate."""
        self._lines[candidate].add_search(split.index, progress)
        self._study.add_search(candidate, split.index, progress, self._clock())
        self._update(candidate)

    def end(self, trial: Trial) -> None:
        """Update the line of the candidate."""
        self._lines[trial.candidate].add_trial(trial)
        self._study.add_trial(trial, self._clock())
        self._update(trial.candidate)

    def note(self, text: str) -> None:
        """Print the note above the lines."""
        self._progress.console.print(Text(text))

    def close(self) -> None:
        """Draw the lines a last time."""
        self._progress.stop()

    def _time_left(self, candidate: str) -> str:
        """Return the time left of the study, for the line that began last."""
        is_last = candidate == next(reversed(self._lines))
        return str(self._study.left(self._clock())) if is_last else ""

    def _update(self, candidate: str) -> None:
        done = self._lines[candidate].share_done
        self._progress.update(self._tasks[candidate], completed=done)


class _Name(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.description, style=FAMILY_STYLES[task.fields["line"].family])


class _Place(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields["line"].place())


class _Score(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields["line"].score(), no_wrap=True, overflow="ellipsis")


class _Time(ProgressColumn):
    """The time left of the study; of a candidate that has ended, the time taken."""

    def __init__(self, time_left: Callable[[str], str]) -> None:
        super().__init__(Column(no_wrap=True))
        self._time_left = time_left

    def render(self, task: Task) -> Text:
        left, taken = self._time_left(task.description), task.finished_time
        return Text(left if taken is None else duration(taken), style="dim")


def print_header(console: Console, header: StudyHeader) -> None:
    """Print the header of a study, one line per fact."""
    grid = Table.grid(padding=(0, 2))
    for title, text in header.lines.items():
        grid.add_row(Text(title, style="dim"), Text(text))
    console.print(grid)
    console.print()
