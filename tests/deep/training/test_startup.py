"""The start-up of a first epoch, told from the calls after the first."""

from __future__ import annotations

import pytest

from dlrun.deep.training.startup import startup_seconds


def test_the_first_call_is_compared_with_the_others():
    calls = [(1, 6.1), (10, 1.0), (20, 2.0)]
    assert startup_seconds(calls, evaluation=0.5) == pytest.approx(6.0)
    assert startup_seconds([(1, 0.05), (10, 1.0)], evaluation=0.1) == 0.0


def test_one_call_alone_cannot_be_told_from_its_start_up():
    assert startup_seconds([(32, 5.0)], evaluation=0.1) is None


def test_a_short_evaluation_of_a_small_network_is_mostly_tracing():
    calls = [(1, 5.01), (31, 0.31)]
    assert startup_seconds(calls, evaluation=0.3) == pytest.approx(5.3)


def test_a_long_evaluation_is_no_tracing():
    assert startup_seconds([(1, 5.0), (10, 10.0)], evaluation=60.0) == pytest.approx(4.0)
