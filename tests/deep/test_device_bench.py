from __future__ import annotations

import pytest

pytestmark = pytest.mark.tf


def test_each_program_is_timed_and_one_that_fails_is_left_out(monkeypatch):
    from dlrun.deep import device_bench
    from dlrun.deep.backend import tf
    from dlrun.deep.trial_steps import TrialSteps

    asked, measure = [], TrialSteps.measure

    def measured(self, policy, *, by_xla):
        asked.append((policy, by_xla))
        if by_xla and policy != "float32":
            raise tf.errors.InvalidArgumentError(None, None, "no kernel")
        return measure(self, policy, by_xla=by_xla)

    monkeypatch.setattr(TrialSteps, "measure", measured)
    (paces,) = device_bench.measure_networks(device_bench.NETWORKS[:1])
    assert asked == [*device_bench.programs()]
    assert (paces.network, paces.n_rows) == ("dense 2 × 256", 512)
    *timed, failed = paces.seconds
    assert failed is None
    assert all(0 < seconds < 60 for seconds in timed)


def test_the_rows_of_every_network_are_what_it_takes():
    """Its step is compiled and run: the smallest of its batches is enough."""
    from dlrun.deep import device_bench

    for network in device_bench.NETWORKS[1:]:
        assert device_bench._trial(network).measure("float32") > 0
