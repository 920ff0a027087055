"""A network on disk: Keras alone loads it, and it takes raw columns."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from alone import raw_columns

from dlrun.contract.candidate import Embeds, FitContext, Predictions
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data import model_io as saved
from dlrun.deep.candidates import make_candidates
from dlrun.errors import DataError, UsageError
from dlrun.recipe.schema import Data, Recipe

pytestmark = pytest.mark.tf

LINEAR = {"architecture": "mlp", "hidden": []}


@pytest.fixture(scope="module")
def run(trained, mixed):
    preprocessing = {"number": {"scale": "quantile"}}
    return trained(mixed, preprocessing=preprocessing, training={"epochs": 3})


def test_keras_alone_predicts_the_same_from_raw_columns(run, mixed, keras_alone, tmp_path):
    frame = mixed.frame.copy()
    frame["town"] = frame["town"].cat.add_categories("nowhere\nelse")
    frame.loc[:5, "town"] = "nowhere\nelse"
    frame.loc[6:9, ["a/b", "colour", "when?"]] = None
    run.fitted.save(tmp_path)
    inputs = json.loads((tmp_path / "network.json").read_text(encoding="utf-8"))["inputs"]
    assert inputs["a/b"] == "a_b_"
    said = keras_alone.predict(tmp_path, raw_columns(frame, inputs))
    np.testing.assert_allclose(said, run.fitted.predict(frame).values, rtol=1e-6)


def test_a_wide_table_has_one_input_and_takes_seconds(tmp_path):
    """One input for each column took minutes to build, to save and to load."""
    rows = np.random.default_rng(0).normal(size=(60, 1500))
    frame = pd.DataFrame(rows, columns=[f"g{number}" for number in range(1500)])
    columns = tuple(Column(name, "number") for name in frame)
    target = Target("y", "regression", dtype="float")
    wide = Dataset("wide", "made", columns, target, frame, rows[:, 0], np.arange(60))
    settings = {"model": {"architecture": "mlp", "hidden": [4]}, "training": {"epochs": 1}}
    candidate = make_candidates(Recipe(data=Data(source="made"), **settings), wide)[0]
    fitted = candidate.fit(wide, wide, FitContext(0))
    assert list(fitted.model.input) == ["dlrun_number"]
    fitted.save(tmp_path)
    inputs = json.loads((tmp_path / "network.json").read_text(encoding="utf-8"))["inputs"]
    assert set(inputs.values()) == {"dlrun_number"}
    loaded = saved.load(tmp_path)
    backward = frame[[*frame][::-1]]  # columns are found by their names
    expected = fitted.predict(frame).values
    assert np.array_equal(loaded.predict(backward)["prediction"].to_numpy(), expected)
    raw = loaded.fitted.model({"dlrun_number": rows})
    np.testing.assert_allclose(np.asarray(raw)[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("model", "width"),
    [
        ({"architecture": "mlp", "hidden": [7, 5]}, 5),
        ({"architecture": "tabm", "members": 3, "hidden": [6]}, 6),
    ],
)
def test_rows_are_represented_by_what_the_head_gets(trained, mixed, tmp_path, model, width):
    """A linear layer on it, and the finish, give the predictions; of an ensemble each member's."""
    run = trained(mixed, model=model)
    vectors = run.fitted.embed(run.test.frame)
    assert (vectors.shape, vectors.dtype) == ((len(run.test), width), np.float32)
    run.fitted.save(tmp_path)
    loaded = saved.load(tmp_path).fitted
    assert isinstance(loaded, Embeds)
    np.testing.assert_array_equal(loaded.embed(run.test.frame), vectors)
    if model["architecture"] == "mlp":
        kernel, bias = (
            run.fitted.model.get_layer("dlrun_body").get_layer("dlrun_head").get_weights()
        )
        logits = vectors @ kernel + bias
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(shares, run.fitted.predict(run.test.frame).values, rtol=1e-4)


def test_a_loaded_network_is_the_one_that_was_saved(run, mixed, tmp_path):
    run.fitted.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.json", "network.keras", "network.json",
    }  # fmt: skip
    loaded = saved.load(tmp_path)
    assert (loaded.facts.candidate, loaded.facts.loader) == ("mlp", "deep")
    assert loaded.facts.columns == mixed.columns
    assert loaded.facts.target == mixed.target
    assert loaded.fitted.best_epoch == run.fitted.best_epoch
    assert loaded.fitted.parameters == run.fitted.parameters
    expected = run.fitted.predict(run.test.frame).values
    np.testing.assert_array_equal(loaded.fitted.predict(run.test.frame).values, expected)


def test_rows_are_predicted_in_order_one_by_one_or_many_at_once(run, mixed):
    many = mixed.take(np.resize(np.arange(len(mixed)), 9000))
    together = run.fitted.predict(many.frame)
    assert isinstance(together, Predictions)
    assert together.values.shape == (9000, 3)
    for row in (0, 5, 8999):
        alone = run.fitted.predict(many.frame.iloc[[row]]).values
        np.testing.assert_allclose(alone, together.values[[row]], rtol=1e-5)
    assert run.fitted.predict(many.frame.iloc[:0]).values.shape == (0, 3)


def test_rows_are_not_changed(run, mixed):
    before = mixed.frame.copy(deep=True)
    run.fitted.predict(mixed.frame)
    assert mixed.frame.equals(before)


def test_batch_sizes_do_not_compile_anew(run, mixed):
    for n_rows in (1, 3, 17, 60):
        run.fitted.predict(mixed.frame.iloc[:n_rows])
    assert run.fitted._forward.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("loss", ["auto", "poisson"])
def test_probabilities_and_numbers_survive(trained, breast_cancer, diabetes, tmp_path, loss):
    """Two classes end in a sigmoid, numbers in their own unit."""
    dataset = breast_cancer if loss == "auto" else diabetes
    run = trained(dataset, model=LINEAR, training={"loss": loss})
    run.fitted.save(tmp_path)
    expected = run.fitted.predict(run.test.frame).values
    assert expected.shape == ((len(run.test), 2) if loss == "auto" else (len(run.test),))
    again = saved.load(tmp_path).fitted.predict(run.test.frame).values
    np.testing.assert_array_equal(again, expected)


def test_a_prediction_that_is_no_number_names_its_row(trained, diabetes, tmp_path):
    preprocessing = {"number": {"impute": "error"}}
    trained(diabetes, model=LINEAR, preprocessing=preprocessing).fitted.save(tmp_path)
    frame = diabetes.frame.copy()
    frame.loc[3, "bmi"] = np.nan
    with pytest.raises(DataError) as caught:
        saved.load(tmp_path).fitted.predict(frame)
    assert str(caught.value) == (
        "row 3: mlp predicts no finite number. Is a number missing that "
        "preprocessing.number.impute does not fill, or beyond reason?"
    )


def test_a_file_that_keras_cannot_load_is_an_error(run, tmp_path):
    run.fitted.save(tmp_path)
    (tmp_path / "network.keras").write_bytes(b"nothing")
    with pytest.raises(UsageError, match=r"network.keras: Keras .* cannot load it: "):
        saved.load(tmp_path)
