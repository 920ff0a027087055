"""The machine for many rows does what the exact one does."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from sklearn.svm import SVC, SVR

from dlrun.classic.nystroem import _gamma, nystroem_svm

RANDOM = np.random.default_rng(0)
MATRIX = RANDOM.normal(size=(900, 4))
RING = ((MATRIX[:, :2] ** 2).sum(axis=1) > 1.4).astype(np.int64)  # no straight line parts it


@pytest.mark.parametrize("wrap", [np.asarray, scipy.sparse.csr_matrix])
def test_it_classifies_as_well_as_the_exact_machine(wrap: type) -> None:
    machine = nystroem_svm(SVC(), wrap(MATRIX[:600]), seed=0)
    machine.fit(wrap(MATRIX[:600]), RING[:600])
    exact = SVC().fit(MATRIX[:600], RING[:600]).score(MATRIX[600:], RING[600:])
    assert machine.score(wrap(MATRIX[600:]), RING[600:]) > exact - 0.05 > 0.85


def test_it_estimates_as_well_as_the_exact_machine() -> None:
    y = np.sin(2 * MATRIX[:, 0]) + 0.1 * RANDOM.normal(size=900)
    machine = nystroem_svm(SVR(C=10.0), MATRIX[:600], seed=0).fit(MATRIX[:600], y[:600])
    exact = SVR(C=10.0).fit(MATRIX[:600], y[:600]).score(MATRIX[600:], y[600:])
    assert machine.score(MATRIX[600:], y[600:]) > exact - 0.1 > 0.8


@pytest.mark.parametrize("gamma", ["scale", "auto", 0.3])
def test_gamma_means_what_it_means_to_the_exact_machine(gamma: str | float) -> None:
    exact = SVC(gamma=gamma).fit(MATRIX, RING)
    assert _gamma(gamma, MATRIX) == pytest.approx(exact._gamma)
    assert _gamma(gamma, scipy.sparse.csr_matrix(MATRIX)) == pytest.approx(exact._gamma)


def test_every_setting_with_a_meaning_reaches_the_approximation() -> None:
    exact = SVC(C=2.0, kernel="poly", degree=2, coef0=1.5, class_weight="balanced", tol=0.01)
    features, linear = nystroem_svm(exact, MATRIX, seed=5)
    assert (features.kernel, features.degree, features.coef0) == ("poly", 2, 1.5)
    assert (features.random_state, linear.random_state) == (5, 5)
    assert (linear.class_weight, linear.tol) == ("balanced", 0.01)
    assert linear.alpha == pytest.approx(1 / (2.0 * 900))


@pytest.mark.parametrize("kernel", ["linear", "rbf", "sigmoid"])
def test_every_kernel_can_be_approximated(kernel: str) -> None:
    machine = nystroem_svm(SVC(kernel=kernel), MATRIX[:300], seed=0)
    assert machine.fit(MATRIX[:300], RING[:300]).score(MATRIX[:300], RING[:300]) > 0.4
