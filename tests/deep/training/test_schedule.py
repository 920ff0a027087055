from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.deep.training.schedule import learning_rates
from dlrun.recipe.training import LearningRate


def test_a_constant_rate_stays():
    assert learning_rates(LearningRate(peak=0.1), 3).tolist() == pytest.approx([0.1, 0.1, 0.1])


def test_warm_up_grows_in_equal_steps_to_the_peak():
    rates = learning_rates(LearningRate(peak=1.0, warmup=0.5), 8)
    assert rates.tolist() == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_a_cosine_falls_from_the_peak_through_its_half_to_zero():
    rates = learning_rates(LearningRate(schedule="cosine", peak=2.0), 5)
    assert rates.tolist() == pytest.approx([2.0, 1 + 0.5**0.5, 1.0, 1 - 0.5**0.5, 0.0], abs=1e-7)


def test_an_exponential_ends_at_a_hundredth_of_the_peak():
    rates = learning_rates(LearningRate(schedule="exponential", peak=1.0), 3)
    assert rates.tolist() == pytest.approx([1.0, 0.1, 0.01])


@given(
    schedule=st.sampled_from(["constant", "cosine", "exponential", "plateau"]),
    warmup=st.floats(0, 0.99),
    n_steps=st.integers(1, 500),
)
def test_every_step_has_a_rate_and_none_is_above_the_peak(schedule, warmup, n_steps):
    setting = LearningRate(schedule=schedule, peak=0.5, warmup=warmup)
    rates = learning_rates(setting, n_steps)
    n_warm = round(warmup * n_steps)
    assert rates.shape == (n_steps,)
    assert (rates >= 0).all()
    assert (rates <= 0.5).all()
    assert (np.diff(rates[:n_warm]) > 0).all()
    assert (np.diff(rates[n_warm:]) <= 0).all()
