"""Encodings: what is learned, and that arrays and Keras tensors are encoded alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.catalog.losses import LOSSES
from dlrun.contract.dataset import Column
from dlrun.data.types.decode import as_cells
from dlrun.recipe.preprocessing import Category, Datetime, Number, Preprocessing

pytestmark = pytest.mark.tf


def _numbers(columns, **chosen):
    from dlrun.deep.inputs.number import fit

    frame = pd.DataFrame(columns, dtype=np.float64)
    return fit([Column(name, "number") for name in columns], frame, Number(**chosen))


def _encode(encoding, group):
    from dlrun.deep.backend import tf

    return encoding.encode(tf.constant(np.array(group))).numpy()


@pytest.mark.parametrize(
    ("impute", "filled"), [("median", 2.0), ("mean", 3.0), ("zero", 0.0), ("error", np.nan)]
)
def test_missing_and_infinite_numbers_are_filled(impute, filled):
    encoding = _numbers({"x": [1.0, 2.0, 6.0]}, impute=impute, scale="none")
    encoded = _encode(encoding, [[7.0], [np.nan], [-np.inf]])
    assert encoded[:, 0].tolist() == pytest.approx([7.0, filled, filled], nan_ok=True)


def test_numbers_beyond_reason_stay_finite():
    encoded = _encode(_numbers({"x": [1.0, 2.0]}), [[1e300], [-1e300]])
    assert encoded[:, 0].tolist() == pytest.approx([1e30, -1e30])


@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_scales_are_those_of_scikit_learn(scale, breast_cancer):
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    values = breast_cancer.frame.to_numpy()
    encoding = _numbers(dict(breast_cancer.frame.items()), scale=scale)
    reference = {"standard": StandardScaler(), "minmax": MinMaxScaler()}[scale]
    expected = reference.fit_transform(values)
    np.testing.assert_allclose(_encode(encoding, values), expected, rtol=1e-5, atol=1e-6)


def test_the_quantile_scale_is_that_of_scikit_learn(breast_cancer):
    from sklearn.preprocessing import QuantileTransformer

    train, other = breast_cancer.frame[:400], breast_cancer.frame[400:].to_numpy()
    encoding = _numbers(dict(train.items()), scale="quantile")
    reference = QuantileTransformer(n_quantiles=256, output_distribution="normal")
    expected = reference.fit(train.to_numpy()).transform(other)
    inner = other > train.min().to_numpy()  # scikit-learn puts ties at the end beyond it
    np.testing.assert_allclose(_encode(encoding, other)[inner], expected[inner], atol=0.02)


def test_ties_share_one_quantile_and_numbers_beyond_the_training_rows_the_last():
    encoding = _numbers({"x": [0.0] * 50 + [1.0, 2.0]}, scale="quantile")
    encoded = _encode(encoding, [[-9.0], [0.0], [2.0], [99.0]])[:, 0]
    assert encoded[0] == encoded[1] < 0
    assert encoded[2] == encoded[3] == pytest.approx(5.1993, abs=1e-4)


@pytest.mark.parametrize("scale", ["standard", "minmax", "quantile", "none"])
def test_a_constant_or_empty_column_is_encoded_as_finite_numbers(scale):
    encoding = _numbers({"same": [0.1, 0.1, 0.1], "none": [np.nan] * 3}, scale=scale)
    encoded = _encode(encoding, [[0.1, np.nan], [0.2, 5.0]])
    assert np.isfinite(encoded).all()
    assert scale == "none" or encoded[0].tolist() == pytest.approx([0.0, 0.0])


def test_large_numbers_keep_their_differences():
    encoding = _numbers({"x": [5e9, 5e9 + 1, 5e9 + 2]})
    assert _encode(encoding, [[5e9], [5e9 + 1]])[:, 0].tolist() == pytest.approx([-1.2247449, 0.0])


def _categories(values, **chosen):
    from dlrun.deep.inputs.category import fit

    frame = pd.DataFrame({"c": pd.Categorical(values)})
    return fit([Column("c", "category")], frame, Category(**chosen))


def test_categories_get_codes_of_their_own_and_missing_and_unseen_ones_too():
    from dlrun.deep.inputs.category import read_categories

    vocabulary = _categories(["b", "a", None]).vocabularies[0]
    table = {"": 0, "\0unseen": 1, vocabulary[0]: 2, vocabulary[1]: 3}
    frame = pd.DataFrame({"c": pd.Categorical(["a", "z", None, "b"], ["z", "b", "a", "not used"])})
    assert vocabulary == ("a", "b")
    assert read_categories(frame, ["c"], [table])[:, 0].tolist() == [2, 1, 0, 3]


def test_one_hot_slots_stand_for_what_the_training_rows_hold():
    codes = [[0], [1], [2], [3]]  # missing, unseen, a, b

    def one_hot(encoding):
        from dlrun.deep.backend import tf

        return encoding.expand(tf.constant(codes, tf.int64)).numpy().tolist()

    assert one_hot(_categories(["a", "b", None])) == [[0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0]]
    rare = _categories(["a", "a", "b", "b", "rare"], min_count=2)
    assert one_hot(rare) == [[0, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_many_values_are_embedded_and_the_recipe_may_choose():
    from dlrun.deep.inputs.category import embedding_width

    few, many = [str(i) for i in range(16)], [str(i) for i in range(17)]
    assert _categories(few).one_hot[0] is not None
    assert _categories(many).one_hot[0] is None
    assert _categories(few, encode="embedding").one_hot[0] is None
    assert _categories(many, encode="onehot").one_hot[0] is not None
    assert [embedding_width(n) for n in (0, 1, 17, 100_000)] == [1, 2, 8, 50]


@given(st.lists(st.datetimes(min_value=pd.Timestamp(1, 1, 1), max_value=pd.Timestamp(9999, 1, 1))))
@settings(max_examples=200)
def test_the_calendar_is_that_of_pandas(moments):
    from dlrun.deep.inputs.datetime import PARTS, calendar

    series = pd.Series(moments, dtype="datetime64[us]")
    parts = calendar(series.to_numpy().astype("datetime64[s]").astype(np.int64))
    assert set(parts) == set(PARTS)
    for name, values in parts.items():
        expected = getattr(series.dt, "day_of_week" if name == "weekday" else name)
        assert values.tolist() == expected.tolist()


def _dates(values, **chosen):
    from dlrun.deep.inputs.datetime import fit

    return fit(
        [Column("t", "datetime")],
        pd.DataFrame({"t": values.astype("datetime64[us]")}),
        Datetime(**chosen),
    )


def test_the_parts_that_vary_are_chosen():
    days = pd.Series(pd.date_range("2024-03-01", periods=5))
    assert [part.name for part in _dates(days).parts] == ["day", "weekday", "day_of_year"]
    hours = pd.Series(pd.date_range("2024-03-01", periods=5, freq="h"))
    assert [part.name for part in _dates(hours).parts] == ["hour"]
    assert [part.name for part in _dates(days, parts=["hour", "year"]).parts] == ["hour", "year"]
    same = pd.Series(pd.to_datetime(["2024-03-01"] * 2 + [None]))
    assert [part.name for part in _dates(same).parts] == ["year"]
    assert [part.name for part in _dates(pd.Series([pd.NaT] * 3)).parts] == ["year"]


def test_dates_become_scaled_parts_and_circles_and_missing_ones_zero():
    from dlrun.deep.inputs.datetime import MISSING

    encoding = _dates(pd.Series(pd.to_datetime(["2024-01-01 00:00", "2024-01-01 06:00"])))
    encoded = _encode(encoding, np.array([[1704067200], [1704088800], [MISSING]]))
    expected = [[-1, 0, 1], [1, 1, 0], [0, 0, 0]]
    np.testing.assert_allclose(encoded, expected, atol=1e-6)


def test_the_networks_own_reader_and_encoder_agree_with_the_frames(mixed):
    """Raw columns through Keras models give what typed columns give through arrays."""
    from dlrun.deep.backend import tf
    from dlrun.deep.heads.regression import NumberHead
    from dlrun.deep.inputs.groups import fit_encodings, frame_reader
    from dlrun.deep.network import build_network
    from dlrun.deep.objective import Objective

    preprocessing = Preprocessing(number=Number(scale="quantile"))
    encodings = fit_encodings(mixed.columns, mixed.frame[:100], preprocessing)
    architecture = lambda groups: groups["number"].expand()  # noqa: E731
    network = build_network(
        mixed.columns,
        encodings,
        Objective(NumberHead(LOSSES["mean_squared_error"], 0.0, 1.0)),
        architecture,
        {},
    )
    groups = frame_reader(mixed.columns, network.reader).read(mixed.frame)
    read = network.reader(
        {name: tf.constant(values) for name, values in raw_columns(mixed).items()}
    )
    assert set(read) == set(groups) == {"number", "category", "datetime"}
    for kind, group in groups.items():
        np.testing.assert_array_equal(read[kind].numpy(), group)
        eager = encodings[kind].encode(tf.constant(group)).numpy()
        graph = network.encoder({name: tf.constant(rows) for name, rows in groups.items()})[kind]
        np.testing.assert_allclose(graph.numpy(), eager, atol=1e-6)


def raw_columns(dataset):
    """Make the raw columns that a saved network takes, by what its documentation says."""
    from dlrun.deep.network import input_names

    raw = {}
    for column, name in zip(dataset.columns, input_names(dataset.columns).values(), strict=True):
        values = dataset.frame[column.name]
        if column.type == "number":
            raw[name] = values.to_numpy()
        elif column.type == "category":
            raw[name] = values.astype(object).fillna("").to_numpy().astype("U")
        else:
            raw[name] = values.to_numpy().astype("datetime64[s]").astype(np.int64)
    return raw


def test_keras_inputs_are_called_as_the_columns_but_for_the_slash():
    from dlrun.deep.network import input_names

    columns = [Column(name, "number") for name in ("a/b", "a_b", "a//b", "größe", "/", "")]
    assert input_names(columns) == {
        "a/b": "a_b_", "a_b": "a_b", "a//b": "a__b", "größe": "größe", "/": "_", "": "__",
    }  # fmt: skip


def test_images_are_read_in_the_pieces_that_a_network_takes():
    """Of rows that take much memory none are read in advance, and the pieces are all rows."""
    from dlrun.deep.inputs.groups import frame_reader
    from dlrun.deep.training.device_data import chunks

    images = np.random.default_rng(0).integers(0, 256, (40, 90, 100, 3)).astype(np.uint8)
    frame = pd.DataFrame({"x": np.arange(40.0), "photo": as_cells(images, 40)})
    columns = (Column("x", "number"), Column("photo", "image", (90, 100, 3)))
    reader = frame_reader(columns, None)
    groups = reader.open(frame)
    assert not isinstance(groups["image"], np.ndarray)
    assert groups["image"].shape == (40, 90, 100, 3)
    pieces = list(chunks(groups))
    assert [len(piece["image"]) for piece in pieces] == [16, 16, 8]
    for name, rows in reader.read(frame).items():
        assert np.array_equal(np.concatenate([piece[name] for piece in pieces]), rows)
    assert isinstance(groups["number"], np.ndarray)
