"""The start-up of a first epoch, told from the calls after the first."""

from __future__ import annotations

import pytest

from dlrun.deep.training.startup import Call, startup_seconds


def first(n_steps, seconds):
    return Call(n_steps, seconds, is_first=True)


def test_the_first_call_is_compared_with_the_others():
    calls = [first(1, 6.1), Call(10, 1.0), Call(20, 2.0)]
    assert startup_seconds(calls, evaluation=0.5) == pytest.approx(6.0)
    assert startup_seconds([first(1, 0.05), Call(10, 1.0)], evaluation=0.1) == 0.0


def test_one_call_alone_cannot_be_told_from_its_start_up():
    assert startup_seconds([first(32, 5.0)], evaluation=0.1) is None


def test_a_short_evaluation_of_a_small_network_is_mostly_tracing():
    calls = [first(1, 5.01), Call(31, 0.31)]
    assert startup_seconds(calls, evaluation=0.3) == pytest.approx(5.3)


def test_a_long_evaluation_is_no_tracing():
    assert startup_seconds([first(1, 5.0), Call(10, 10.0)], evaluation=60.0) == pytest.approx(4.0)


def test_every_call_that_compiles_counts_wherever_it_is():
    calls = [Call(10, 1.0), first(1, 4.1), Call(10, 1.0), first(1, 2.1)]
    assert startup_seconds(calls, evaluation=0.0) == pytest.approx(6.0)
    assert startup_seconds([Call(10, 1.0)], evaluation=0.0) == 0.0
    assert startup_seconds([], evaluation=0.0) == 0.0
