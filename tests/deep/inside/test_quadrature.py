"""The integral of a gradient: exact where the function is smooth, fine where it has a kink."""

import numpy as np
import pytest

from dlrun.deep.inside.quadrature import TOLERANCE, Points, integrate


def along(function, slope):
    def compute(at):
        return Points(function(at), slope(at), [slope(at)[:, None] * np.ones((1, 2))])

    return compute


def test_a_polynomial_is_exact_in_the_first_steps():
    integral = integrate(along(lambda t: t**5 + 1, lambda t: 5 * t**4), 1000)
    assert (integral.start, integral.end, integral.n_points) == (1.0, 2.0, 8 * 3 + 9)
    np.testing.assert_allclose(integral.gradients[0], [1.0, 1.0], rtol=1e-12)


@pytest.mark.parametrize("height", [1.0, 1e4])
def test_steps_are_halved_at_a_kink(height):
    kink = 0.7130
    compute = along(lambda t: height * np.maximum(t - kink, 0), lambda t: height * (t > kink))
    integral = integrate(compute, 10_000)
    assert integral.n_points < 150
    error = integral.end - integral.start - integral.gradients[0][0]
    assert abs(error) <= TOLERANCE * max(1.0, height * (1 - kink))


def test_it_ends_with_the_points_that_it_may_compute():
    rng = np.random.default_rng(0)
    integral = integrate(along(lambda t: 100 * t, lambda t: rng.normal(size=len(t))), 500)
    assert 500 <= integral.n_points <= 1000
