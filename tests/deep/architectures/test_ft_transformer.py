"""FT-Transformer: a token for every column, and attention as it is defined."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from alone import raw_columns
from pydantic import ValidationError

from dlrun.catalog.architecture_settings import FtTransformer
from dlrun.contract.dataset import Column
from dlrun.deep.candidates import make_candidates
from dlrun.metrics.scores import score
from dlrun.recipe.preprocessing import Preprocessing

pytestmark = pytest.mark.tf

RNG = np.random.default_rng(0)
SMALL = {"architecture": "ft_transformer", "width": 8, "heads": 2, "blocks": 2}


def test_attention_is_that_of_its_paper():
    from dlrun.deep.backend import keras
    from dlrun.deep.blocks.attention import attend

    queries, tokens = keras.Input((2, 6)), keras.Input((5, 6))
    model = keras.Model([queries, tokens], attend(queries, tokens, heads=3, dropout=0.5))
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert len(dense) == 4
    for weight in model.weights:
        weight.assign(RNG.normal(size=weight.shape))
    rows = [RNG.normal(size=(4, n, 6)).astype(np.float32) for n in (2, 5)]
    result = model(rows).numpy()
    reference = keras.layers.MultiHeadAttention(3, 2)
    reference.build((4, 2, 6), (4, 5, 6), (4, 5, 6))
    # The order in which the layers were made: of the queries, the keys, the values, the result.
    mapped = [[np.asarray(weight) for weight in layer.weights] for layer in _by_making(dense)]
    shapes = [(6, 3, 2), (3, 2)] * 3 + [(3, 2, 6), (6,)]
    flat = [weight for pair in mapped for weight in pair]
    reference.set_weights([w.reshape(s) for w, s in zip(flat, shapes, strict=True)])
    np.testing.assert_allclose(result, reference(*rows).numpy(), rtol=1e-4, atol=1e-4)


def _by_making(layers):
    def number(layer):
        tail = layer.name.rpartition("_")[2]
        return int(tail) if tail.isdigit() else 0

    return sorted(layers, key=number)


def _tokens(dataset, name, width=4, **preprocessing):
    """Make a group's tokens of its encoded rows."""
    from dlrun.deep.architectures.ft_transformer import tokenize
    from dlrun.deep.backend import keras
    from dlrun.deep.inputs.groups import Group, fit_encodings

    settings = Preprocessing.model_validate(preprocessing)
    encoding = fit_encodings(dataset.columns, dataset.frame, settings)[name]
    encoded = keras.Input(encoding.encoded.shape, dtype=encoding.encoded.dtype)
    return encoding, keras.Model(encoded, tokenize(Group(encoding, encoded), width))


@pytest.mark.parametrize("encode", ["none", "plr", "ple"])
def test_every_number_is_a_token(mixed, encode):
    _, model = _tokens(mixed, "number", number={"encode": encode})
    assert model.output.shape == (None, 3, 4)


def test_a_number_moves_its_own_token_along_a_line(mixed):
    _, model = _tokens(mixed, "number")
    rows = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0]], np.float32)
    tokens = model(rows).numpy()
    np.testing.assert_allclose(tokens[2, 0] - tokens[1, 0], tokens[1, 0] - tokens[0, 0], rtol=1e-4)
    assert (tokens[0, 0] != tokens[1, 0]).all()
    np.testing.assert_array_equal(tokens[0, 1:], tokens[2, 1:])


def test_every_value_of_every_category_has_a_vector(mixed):
    encoding, model = _tokens(mixed, "category")
    (table,) = model.weights
    sizes = [2 + len(vocabulary) for vocabulary in encoding.vocabularies]  # missing and unseen
    assert table.shape == (sum(sizes), 4)
    codes = np.array([[0, 0, 0], [1, 1, 1], [sizes[0] - 1, sizes[1] - 1, sizes[2] - 1]])
    places = codes + np.cumsum([0, *sizes[:2]])
    np.testing.assert_array_equal(model(codes).numpy(), np.asarray(table)[places])


def test_every_part_of_a_date_is_a_token_with_its_circle(mixed):
    encoding, model = _tokens(mixed, "datetime")
    names = [part.name for part in encoding.parts]
    assert model.output.shape == (None, len(names), 4)
    n_encoded = encoding.encoded.shape[0]
    assert n_encoded == len(names) + 2 * (len(names) - 1)  # all but the year are periodic
    zero = model(np.zeros((1, n_encoded), np.float32)).numpy()
    changed = []
    for place in range(n_encoded):
        row = np.zeros((1, n_encoded), np.float32)
        row[0, place] = 1
        (moved,) = np.flatnonzero((model(row).numpy() != zero).any(axis=2)[0])
        changed.append(int(moved))
    assert changed == [0, *np.repeat(np.arange(1, len(names)), 3).tolist()]


def test_a_text_or_a_series_beside_the_columns_is_one_token_each():
    from modalities import mixed as beside

    dataset = beside("regression")
    for name in ("text", "series"):
        _, model = _tokens(dataset, name)
        assert model.output.shape == (None, 1, 4)


def test_the_weights_are_those_that_the_settings_say(recipe, breast_cancer):
    (candidate,) = make_candidates(recipe(model=SMALL), breast_cancer)
    summary = candidate.summarize(breast_cancer)
    tokens, read = 2 * 30 * 8, 8
    attention, norm, gated = 4 * (8 * 8 + 8), 2 * 8, 2 * (8 * 11 + 11) + (11 * 8 + 8)
    first = attention + norm + gated  # without a normalisation before attention
    assert summary.parameters == tokens + read + first + (first + norm) + norm + (8 + 1)


def test_a_pair_of_columns_is_understood_together(trained, mixed):
    """Equal signs or not: no column says anything alone."""
    values = RNG.normal(size=(900, 2))
    frame = pd.DataFrame(values, columns=["a", "b"])
    columns = (Column("a", "number"), Column("b", "number"))
    y = (values[:, 0] * values[:, 1] > 0).astype(np.int64)
    target = replace(mixed.target, labels=("unlike", "like"))
    pairs = replace(mixed, columns=columns, frame=frame, y=y, target=target, row_ids=np.arange(900))
    training = {"epochs": 25, "batch_size": 32, "learning_rate": 0.01}
    run = trained(pairs, model={**SMALL, "blocks": 1}, training=training)
    found = score(["roc_auc"], run.fitted.predict(run.test.frame), run.test.y, target)
    assert found["roc_auc"] > 0.9


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_numbers_are_estimated_in_their_own_unit(trained, diabetes, precision):
    training = {"epochs": 30, "learning_rate": 0.01, "batch_size": 32, "precision": precision}
    run = trained(diabetes, model={**SMALL, "blocks": 1}, training=training)
    predictions = run.fitted.predict(run.test.frame)
    assert score(["r2"], predictions, run.test.y, diabetes.target)["r2"] > 0.3


def test_keras_alone_predicts_the_same_from_raw_columns(trained, mixed, keras_alone, tmp_path):
    run = trained(mixed, model=SMALL, training={"epochs": 2})
    run.fitted.save(tmp_path)
    inputs = json.loads((tmp_path / "network.json").read_text(encoding="utf-8"))["inputs"]
    said = keras_alone.predict(tmp_path, raw_columns(mixed.frame, inputs))
    expected = run.fitted.predict(mixed.frame).values
    np.testing.assert_allclose(said, expected, rtol=1e-5)
    assert run.fitted.predict(mixed.frame.iloc[:0]).values.shape == (0, 3)


def test_a_width_that_heads_cannot_share_is_an_error():
    with pytest.raises(ValidationError, match="width 10 is not a multiple of heads 4"):
        FtTransformer(width=10, heads=4)
