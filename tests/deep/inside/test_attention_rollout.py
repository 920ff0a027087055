"""Attention roll-out: by hand, and the shares of the tokens of a text and of columns."""

from __future__ import annotations

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.data.reference import make_reference

pytestmark = pytest.mark.tf


def test_layers_are_multiplied_with_half_of_each_token_staying():
    from dlrun.deep.inside.attention_rollout import join_layers

    first = np.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]])  # the last is padding
    second = np.array([[1.0, 0.0, 0.0]])  # of the first token alone
    expected = [0.5, 0.5, 0.0]
    np.testing.assert_allclose(join_layers([first, second]), expected)
    np.testing.assert_allclose(join_layers([first]), [0.375, 0.625, 0.0])


def test_columns_share_what_the_network_ends_with(trained):
    data = MODALITIES["table"]("classification")
    model = {"architecture": "ft_transformer", "width": 8, "heads": 2, "blocks": 2}
    run = trained(data, model=model)
    assert run.fitted.attribution_methods == ("integrated_gradients", "attention_rollout")
    reference, output = make_reference(run.train), np.array([0])
    (found,) = run.fitted.explain(run.test.frame[:1], output, reference, "attention_rollout")
    assert [each.column for each in found.columns] == list(data.frame)
    shares = np.array([each.weights for each in found.columns])
    assert shares.min() > 0
    # The rest is that of the summary, which is no column.
    assert 0.3 < shares.sum() < 0.99
    # A date has the tokens of all its parts.
    assert shares.argmax() == list(data.frame).index("day")
    assert (found.unit, found.method) == ("attention", "attention_rollout")
