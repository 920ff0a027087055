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

    def run(self, clock: StudyClock, now: float, n_trials: int) -> Iterator[tuple[float, int]]:
        """Send the events of all trials; yield the time and the trial's number after each."""
        clock.begin(self.name, now)
        now += self.imports
        for step in range(n_trials):
            now += self.encoding
            for number in range(1, self.n_epochs + 1):
                startup = self.tracing if number == 1 else 0.0
                now += startup + self.pace
                took = self.pace + startup
                epoch = Epoch(number, self.n_epochs, {}, took, startup_seconds=startup)
                clock.add_epoch(self.name, epoch, now)
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
        clock.add_epoch("mlp", Epoch(number, 100, {}, 1.0), float(number))
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
    clock.add_epoch("mlp", resumed, 0.5)
    clock.add_epoch("mlp", replace(resumed, number=5, resumed=False), 3.0)
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
    clock = StudyClock([plan_of("rf", 6, "classic")])
    clock.begin("rf", 0.0)
    for now, step in ((10.0, 1), (10.0, 0), (20.0, 2), (20.0, 3)):
        clock.add_trial(trial("rf", step), now)
    assert 6.0 <= clock.left(20.0).seconds <= 10.0


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
    clock.add_epoch("mlp", Epoch(1, 5, {}, 1.0), 1.0)
    assert clock.left(1.0).seconds == pytest.approx(4.0)
    clock.add_trial(trial("mlp", 0, n_epochs=5), 5.0)
    clock.add_trial(trial("mlp", 1), 6.0)
    assert str(clock.left(6.0)) == ""
