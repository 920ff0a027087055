"""The time left, against simulated studies whose end is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.contract.candidate import Epoch
from dlrun.contract.dataset import Split
from dlrun.contract.trial import Trial
from dlrun.report.eta import PlannedTrials, StudyClock, TimeLeft
from dlrun.report.line import SearchProgress

ROWS = np.arange(1)


def split(step: int) -> Split:
    return Split(0, step, step, step, ROWS, ROWS, ROWS)


def trial(name: str, step: int, n_epochs: int = 0, **changes: object) -> Trial:
    epochs = tuple(Epoch(number + 1, n_epochs, {}, 1.0) for number in range(n_epochs))
    return replace(Trial(name, "deep", split(step), epochs=epochs), **changes)


@dataclass(frozen=True)
class Network:
    """How a simulated network spends its time, in seconds."""

    name: str
    imports: float  # before its first trial alone
    encoding: float  # before the first epoch of each trial
    tracing: float  # within the first epoch of each trial
    pace: float
    finish: float  # predictions, latency, files
    n_epochs: int
    compiling: float = 0.0  # within the second epoch of each trial

    def run(self, clock: StudyClock, now: float, n_trials: int) -> Iterator[tuple[float, int]]:
        """Send the events of all trials; yield the time and the trial's number after each."""
        clock.begin(self.name, now)
        now += self.imports
        for step in range(n_trials):
            now += self.encoding
            for number in range(1, self.n_epochs + 1):
                startup = {1: self.tracing, 2: self.compiling}.get(number, 0.0)
                now += startup + self.pace
                took = self.pace + startup
                epoch = Epoch(number, self.n_epochs, {}, took, startup_seconds=startup)
                clock.add_epoch(self.name, step, epoch, now)
                yield now, step
            now += self.finish
            clock.add_trial(trial(self.name, step, self.n_epochs), now)
            yield now, step


def plan_of(name: str, n: int, family: str = "deep") -> PlannedTrials:
    return PlannedTrials(name, name, family, (1.0,) * n)


seconds = st.floats(0.01, 30)


@given(
    imports=seconds, tracing=seconds, pace=seconds, small=st.floats(0, 0.1),
    n_epochs=st.integers(2, 50), n_trials=st.integers(1, 6),
)  # fmt: skip
def test_the_estimate_is_right_from_the_first_epoch_on(
    imports: float, tracing: float, pace: float, small: float, n_epochs: int, n_trials: int
) -> None:
    whole = n_epochs * pace + tracing
    net = Network("mlp", imports, small * whole, tracing, pace, small * whole, n_epochs)
    clock = StudyClock([plan_of("mlp", n_trials)])
    assert str(clock.left(0.0)) == ""
    events = [(now, step, clock.left(now).seconds) for now, step in net.run(clock, 0.0, n_trials)]
    end = events[-1][0]
    for now, step, left in events:
        # Until it was seen once, the estimate lacks what encodes before and saves after a trial.
        unseen = 2 * small * whole * n_trials if step == 0 else 0.0
        assert end - now - unseen - 1e-6 <= left <= end - now + 1e-6 + unseen
        if step > 1:
            assert left == pytest.approx(end - now, abs=1e-6)


def test_start_up_is_not_taken_for_pace() -> None:
    slow = Network("mlp", imports=60, encoding=0, tracing=30, pace=1, finish=0, n_epochs=10)
    clock = StudyClock([plan_of("mlp", 1)])
    now, _ = next(slow.run(clock, 0.0, 1))
    assert clock.left(now) == TimeLeft(9.0, is_upper=True)


def test_what_is_compiled_later_is_start_up_too() -> None:
    net = Network("mlp", 0, 0, 2, pace=1, finish=0, n_epochs=10, compiling=30)
    clock = StudyClock([plan_of("mlp", 2)])
    events = [(now, clock.left(now).seconds) for now, _ in net.run(clock, 0.0, 2)]
    end, compiled = events[-1][0], events[1:10]  # of the first trial
    assert [left for _, left in compiled] == pytest.approx([end - now for now, _ in compiled])


def test_all_candidates_to_come_are_counted() -> None:
    first, second = (
        Network(name, imports, 0, 1, pace, 0, n_epochs=10)
        for name, imports, pace in (("mlp", 5, 1.0), ("tabm", 0, 3.0))
    )
    clock = StudyClock([plan_of("rf", 2, "classic"), plan_of("mlp", 3), plan_of("tabm", 3)])
    clock.begin("rf", 0.0)
    clock.add_trial(trial("rf", 0), 4.0)
    assert str(clock.left(4.0)) == "at least 4 s left"  # no network has run yet
    clock.add_trial(trial("rf", 1), 8.0)
    *_, (now, _) = first.run(clock, 8.0, 3)
    assert clock.left(now).seconds == pytest.approx(3 * 11)  # as the other network
    assert str(clock.left(now)) == "about 33 s left"
    now, _ = next(second.run(clock, now, 3))
    assert clock.left(now).seconds == pytest.approx(9 * 3 + 2 * 31)


def test_an_unknown_side_is_a_lower_bound_whatever_else_is_guessed() -> None:
    plan = [plan_of(name, 2, "classic") for name in ("dummy", "rf")]
    clock = StudyClock([*plan, plan_of("mlp", 2)])
    clock.begin("dummy", 0.0)
    clock.add_trial(trial("dummy", 0), 1.0)
    assert str(clock.left(1.0)) == "at least 3 s left"


def test_trials_that_may_stop_early_are_bounded_until_one_has() -> None:
    clock = StudyClock([plan_of("mlp", 2)])
    clock.begin("mlp", 0.0)
    for number in (1, 2):
        clock.add_epoch("mlp", 0, Epoch(number, 100, {}, 1.0), float(number))
    assert str(clock.left(2.0)) == "at most 3 min 18 s left"
    clock.add_trial(trial("mlp", 0, n_epochs=2), 2.0)
    assert str(clock.left(2.0)) == "2 s left"


def test_what_was_kept_takes_no_time() -> None:
    kept = replace(plan_of("rf", 3, "classic"), sizes=())
    clock = StudyClock([kept, replace(plan_of("mlp", 3), sizes=(1.0,))])
    clock.begin("mlp", 0.0)
    for step in range(2):
        clock.add_trial(trial("mlp", step, n_epochs=10, resumed=True), 0.0)
    resumed = Epoch(4, 10, {}, 1.0, resumed=True)
    clock.add_epoch("mlp", 0, resumed, 0.5)
    clock.add_epoch("mlp", 0, replace(resumed, number=5, resumed=False), 3.0)
    assert str(clock.left(3.0)) == "5 s left"
    clock.add_trial(trial("mlp", 2, n_epochs=10), 8.0)
    assert str(clock.left(8.0)) == ""


def test_retraining_on_few_rows_is_shorter() -> None:
    retraining = PlannedTrials("rf, on varied rows", "rf", "classic", (0.25, 0.5))
    clock = StudyClock([plan_of("rf", 2, "classic"), retraining])
    clock.begin("rf", 0.0)
    clock.add_trial(trial("rf", 0), 8.0)
    assert clock.left(8.0).seconds == pytest.approx(8 + 0.75 * 8)


def test_estimators_that_run_at_once_end_in_any_order() -> None:
    clock = StudyClock([plan_of("rf", 6, "classic")], n_workers=2)
    clock.begin("rf", 0.0)
    for started, ended, steps in ((0.0, 10.0, (1, 0)), (10.0, 20.0, (2, 3))):
        for step in steps:
            clock.start("rf", step, started)
        for step in steps:
            clock.add_trial(trial("rf", step), ended)
    assert str(clock.left(20.0)) == "10 s left"


def test_the_time_left_runs_down_until_something_ends() -> None:
    clock = StudyClock([plan_of("rf", 2, "classic")])
    clock.begin("rf", 0.0)
    clock.add_trial(trial("rf", 0), 10.0)
    assert [str(clock.left(now)) for now in (10.0, 14.0, 19.9, 25.0)] == [
        "10 s left", "6 s left", "1 s left", "",
    ]  # fmt: skip


def test_a_trial_that_was_planned_as_kept_may_run_after_all() -> None:
    clock = StudyClock([replace(plan_of("mlp", 1), sizes=())])
    clock.begin("mlp", 0.0)
    clock.add_epoch("mlp", 0, Epoch(1, 5, {}, 1.0), 1.0)
    assert clock.left(1.0).seconds == pytest.approx(4.0)
    clock.add_trial(trial("mlp", 0, n_epochs=5), 5.0)
    clock.add_trial(trial("mlp", 1), 6.0)
    assert str(clock.left(6.0)) == ""


def test_a_search_takes_as_long_as_its_trials_so_far() -> None:
    searched = PlannedTrials("svm", "svm", "classic", (1.0, 1.0), is_searched=True)
    clock = StudyClock([searched, replace(searched, title="rf", candidate="rf")])
    clock.begin("svm", 0.0)
    assert str(clock.left(0.0)) == ""
    clock.add_search("svm", 0, SearchProgress(3, 9, 0.5), 6.0)
    assert (
        str(clock.left(6.0)) == "about 1 min 14 s left"
    )  # four searches of ten fits of two seconds
    clock.add_trial(trial("svm", 0), 20.0)
    assert str(clock.left(20.0)) == "about 1 min 00 s left"


def test_a_retraining_takes_one_fit_of_a_search() -> None:
    searched = PlannedTrials("svm", "svm", "classic", (1.0,), is_searched=True)
    varied = PlannedTrials("svm, on varied rows", "svm", "classic", (1.0, 0.5))
    clock = StudyClock([searched, varied])
    clock.begin("svm", 0.0)
    clock.add_search("svm", 0, SearchProgress(9, 9, 0.5), 18.0)
    clock.add_trial(trial("svm", 0), 20.0)
    assert clock.left(20.0).seconds == pytest.approx(3.0)


def test_a_forecast_is_the_guess_until_something_is_measured() -> None:
    plan = [replace(plan_of(name, 2), expected=seconds) for name, seconds in (("a", 5), ("b", 60))]
    clock = StudyClock(plan)
    assert str(clock.left(0.0)) == "about 2 min 10 s left"
    clock.begin("a", 0.0)
    clock.add_trial(trial("a", 0), 10.0)
    assert clock.left(10.0).seconds == pytest.approx(10 + 120)


def test_the_final_model_is_expected_and_then_runs() -> None:
    clock = StudyClock([plan_of("rf", 2, "classic")], n_final=1)
    clock.begin("rf", 0.0)
    clock.add_trial(trial("rf", 0), 4.0)
    assert clock.left(4.0).seconds == pytest.approx(4 + 4)
    clock.add_trial(trial("rf", 1), 8.0)
    assert clock.left(8.0).seconds == pytest.approx(4)
    clock.begin("rf on all rows", 8.0)
    assert 2 <= clock.left(9.0).seconds <= 4
    clock.add_trial(trial("rf on all rows", 0), 12.0)
    assert clock.left(12.0) == TimeLeft(0.0)


@dataclass
class Simulated:
    """A study on several workers: candidates with trials of about the same length each."""

    n_workers: int
    means: tuple[float, ...]
    n_trials: int
    spread: float
    imports: float

    def run(self, seed: int) -> list[tuple[float, float]]:
        """Return (time, estimate of the time left) after each event."""
        rng = np.random.default_rng(seed)
        clock = StudyClock(
            [plan_of(str(number), self.n_trials, "classic") for number in range(len(self.means))],
            self.n_workers,
        )
        waiting = [(str(c), s) for c in range(len(self.means)) for s in range(self.n_trials)]
        running: list[tuple[float, str, int]] = []
        seen: list[tuple[float, float]] = []
        now, n_started, begun = 0.0, 0, set()
        while waiting or running:
            while waiting and len(running) < self.n_workers:
                name, step = waiting.pop(0)
                if name not in begun:
                    clock.begin(name, now)
                    begun.add(name)
                clock.start(name, step, now)
                took = self.means[int(name)] * rng.lognormal(0, self.spread)
                took += self.imports if n_started < self.n_workers else 0
                n_started += 1
                running.append((now + took, name, step))
            running.sort()
            now, name, step = running.pop(0)
            clock.add_trial(trial(name, step), now)
            seen.append((now, clock.left(now).seconds))
        return seen


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("n_workers", [1, 2, 4])
def test_the_time_left_is_within_a_factor_of_one_and_a_half(n_workers: int, share: float) -> None:
    """In 90 % of studies of three candidates, whose trials differ by a factor of 1.35."""
    ratios = []
    for seed in range(40):
        seen = Simulated(n_workers, (4.0, 4.0, 4.0), 30, spread=0.3, imports=6.0).run(seed)
        end = seen[-1][0]
        now, left = next(each for each in seen if each[0] >= share * end)
        ratios.append(max(left / (end - now), (end - now) / left))
    assert np.quantile(ratios, 0.9) < 1.5
