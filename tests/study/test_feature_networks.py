"""Networks on the features of the classic side; test_contract_networks has what all must do."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from candidates import few_kernels, python_convolutions
from modalities import MODALITIES, N_ROWS, RATE
from PIL import Image

import dlrun
from dlrun.classic import extras
from dlrun.contract.candidate import Embeds, FitContext
from dlrun.contract.dataset import Dataset
from dlrun.data import model_io as saved
from dlrun.deep.candidates import make_candidates
from dlrun.errors import ExtraError, RecipeError, TrainingError
from dlrun.recipe.schema import Recipe
from dlrun.study.feature_networks import (
    FeatureNetworkCandidate,
    FittedFeatureNetwork,
    with_features,
)

__all__ = ["few_kernels", "python_convolutions"]  # the fixtures

pytestmark = pytest.mark.tf

TRAIN, VALIDATION, TEST = np.split(np.random.default_rng(1).permutation(N_ROWS), [160, 200])
SMALL = {"architecture": "mlp", "hidden": [8]}


def made(dataset: Dataset, *models: dict[str, Any], **training: Any) -> list[Any]:
    recipe = Recipe.model_validate(
        {
            "data": {"source": "made"},
            "model": list(models),
            "training": {"epochs": 2, "early_stopping": False, **training},
        }
    )
    return list(with_features(make_candidates(recipe, dataset), dataset.columns))


def fit(
    candidate: FeatureNetworkCandidate, dataset: Dataset, validation: Dataset
) -> FittedFeatureNetwork:
    return candidate.fit(dataset.take(TRAIN), validation, FitContext(0))


@cache
def fitted(modality: str, features: str) -> tuple[Dataset, FittedFeatureNetwork]:
    dataset = MODALITIES[modality]("classification")
    (candidate,) = made(dataset, {**SMALL, "features": features})
    return dataset, fit(candidate, dataset, dataset.take(VALIDATION))


def png(cell: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(cell[..., 0]).save(buffer, "PNG")
    return buffer.getvalue()


def wav(cell: Any) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, cell, RATE, format="WAV", subtype="FLOAT")
    return buffer.getvalue()


CASES: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("image", "hog", png),
    ("text", "tfidf", str),
    ("audio", "mfcc", wav),
    ("series", "mini_rocket", lambda cell: cell.T.tolist()),
]


@pytest.mark.usefixtures("few_kernels")
@pytest.mark.parametrize(("modality", "features", "raw"), CASES)
def test_a_saved_model_answers_for_raw_rows(
    modality: str, features: str, raw: Callable[[Any], Any], tmp_path: Path
) -> None:
    dataset, model = fitted(modality, features)
    model.save(tmp_path)
    frame = dataset.take(TEST[:12]).frame
    (column,) = frame
    rows = pd.DataFrame({column: [raw(cell) for cell in frame[column]]})
    answers = saved.load(tmp_path).predict(rows)
    expected = model.predict(frame).values
    np.testing.assert_allclose(answers.filter(like="p_").to_numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("features", ["hog", "pixels"])
def test_only_training_rows_are_learned_from(features: str) -> None:
    """What the network is checked on is noise, and it changes nothing at all."""
    dataset = MODALITIES["image"]("classification")
    (candidate,) = made(dataset, {**SMALL, "features": features})
    validation = dataset.take(VALIDATION)
    noise = np.random.default_rng(0).integers(0, 256, (len(validation), 12, 10, 1), dtype=np.uint8)
    cells = pd.DataFrame({"photo": pd.Series(list(noise), dtype=object)})
    models = [
        fit(candidate, dataset, each) for each in (validation, replace(validation, frame=cells))
    ]
    first, second = (model.predict(dataset.take(TEST).frame).values for model in models)
    np.testing.assert_array_equal(first, second)


def test_the_network_is_given_features_alone() -> None:
    dataset, model = fitted("image", "hog")
    (column,) = model.network.columns
    matrix = model.features.transform(dataset.take(TEST).frame)
    assert (column.type, column.shape) == ("series", (matrix.shape[1], 1))
    assert model.columns == dataset.columns
    n_features = matrix.shape[1]
    assert model.parameters == (n_features * 8 + 8) + (8 * 3 + 3)


def test_components_keep_their_proportions() -> None:
    """One by one on the same scale, the last components, all noise, would count as the first."""
    dataset, model = fitted("image", "hog")
    matrix = model.features.transform(dataset.take(TRAIN).frame)
    spread = matrix.std(axis=0)
    assert spread[0] > 10 * spread[-1]
    encoder = model.network.model.get_layer("dlrun_encoder")
    encoded = np.asarray(encoder({"series": matrix[..., None].astype(np.float32)})["series"])
    assert encoded.std() == pytest.approx(1, rel=1e-3)
    scale = encoded[..., 0].std(axis=0) / spread
    np.testing.assert_allclose(scale, scale[0], rtol=1e-3)


def test_what_the_recipe_says_of_series_is_not_about_features() -> None:
    dataset = MODALITIES["series"]("classification")
    recipe = Recipe.model_validate(
        {
            "data": {"source": "made"},
            "model": {**SMALL, "features": "catch22"},
            "preprocessing": {"series": {"length": 5, "scale": "none"}},
            "training": {"epochs": 1},
        }
    )
    (candidate,) = with_features(make_candidates(recipe, dataset), dataset.columns)
    model = fit(candidate, dataset, dataset.take(VALIDATION))
    n_features = model.features.transform(dataset.frame).shape[1]
    assert n_features > 2 * 22
    assert model.parameters == (n_features * 8 + 8) + (8 * 3 + 3)


def test_its_settings_tell_the_features_of_all_columns() -> None:
    dataset = MODALITIES["mixed"]("classification")
    plain, candidate, named = made(
        dataset,
        SMALL,
        {**SMALL, "features": "summary"},
        {**SMALL, "features": ["tfidf", "catch22"], "name": "own"},
    )
    assert [each.name for each in (plain, candidate, named)] == ["mlp", "mlp-summary", "own"]
    assert [each.features for each in (plain, candidate, named)] == [
        (),
        ("tfidf", "summary"),
        ("tfidf", "catch22"),
    ]
    assert candidate.settings == {**plain.settings, "model.features": ["tfidf", "summary"]}
    assert {each.family for each in (plain, candidate, named)} == {"deep"}


def test_no_features_are_none() -> None:
    (plain,) = made(MODALITIES["image"]("classification"), {**SMALL, "features": []})
    assert not isinstance(plain, FeatureNetworkCandidate)


def test_layers_and_functions_take_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "import keras\n"
        "def net(inputs):\n"
        "    return keras.layers.Dense(4)(keras.layers.Flatten()(inputs['series']))\n"
    )
    (tmp_path / "own_nets.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    dataset = MODALITIES["series"]("classification")
    layers = [{"Flatten": {}}, {"Dense": 4}]
    candidates = made(
        dataset,
        {"architecture": "layers", "layers": layers, "features": "summary"},
        {"architecture": "own_nets:net", "features": "summary"},
    )
    assert [each.name for each in candidates] == ["layers-summary", "own_nets:net-summary"]
    summaries = [each.summarize(dataset) for each in candidates]
    for candidate, summary in zip(candidates, summaries, strict=True):
        model = fit(candidate, dataset, dataset.take(VALIDATION))
        assert model.parameters == summary.parameters
        assert "dlrun_head (Dense)" in summary.text


def test_a_fault_of_the_network_names_its_model() -> None:
    dataset = MODALITIES["series"]("classification")
    model = {"architecture": "layers", "layers": [{"Dense": 4}], "features": "summary"}
    (candidate,) = made(dataset, model)
    with pytest.raises(TrainingError) as caught:
        fit(candidate, dataset, dataset.take(VALIDATION))
    assert str(caught.value) == (
        "recipe.yaml: model: layers-summary: layers ends in a tensor of shape (rows, 17, 4). The "
        "head needs (rows, width): end with Flatten or GlobalAveragePooling"
    )


def test_features_without_columns_are_all_told_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        made(
            MODALITIES["image"]("classification"),
            {**SMALL, "features": ["tfidf", "flat"]},
            {**SMALL, "features": "mfcc"},
        )
    there = "columns, and there are none. There are: image"
    assert str(caught.value).splitlines() == [
        f"recipe.yaml: model.0: tfidf is a feature of text {there}",
        f"recipe.yaml: model.0: flat is a feature of series {there}",
        f"recipe.yaml: model.1: mfcc is a feature of audio {there}",
    ]


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "is_installed", lambda module: module != "skimage")
    with pytest.raises(ExtraError) as caught:
        made(MODALITIES["image"]("classification"), {**SMALL, "features": "hog"})
    assert str(caught.value) == "scikit-image is not installed. Run: pip install 'dlrun[vision]'"
    assert made(MODALITIES["image"]("classification"), {**SMALL, "features": "pixels"})


def test_what_a_folder_holds(tmp_path: Path) -> None:
    dataset, model = fitted("image", "hog")
    model.save(tmp_path)
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        "model.json",
        "features.skops",
        "network/model.json",
        "network/network.json",
        "network/network.keras",
    }
    facts = json.loads((tmp_path / "model.json").read_text())
    assert (facts["candidate"], facts["loader"]) == ("mlp-hog", "engineered")
    loaded = saved.load(tmp_path)
    assert isinstance(loaded.fitted, FittedFeatureNetwork)
    assert loaded.fitted.best_epoch == model.best_epoch
    assert isinstance(loaded.fitted, Embeds)
    assert loaded.fitted.embed(dataset.frame[:3]).shape == (3, 8)


def test_facts_of_an_older_model_are_read(tmp_path: Path) -> None:
    dataset = MODALITIES["image"]("classification")
    for older, loader in (
        ({"family": "classic"}, "classic"),
        ({"family": "both"}, "both"),
        ({"family": "deep", "is_engineered": False}, "deep"),
        ({"family": "deep", "is_engineered": True}, "engineered"),
    ):
        facts = saved.ModelInfo("mlp", loader, dataset.columns, dataset.target)
        facts.write(tmp_path)
        values = json.loads((tmp_path / "model.json").read_text())
        del values["loader"]
        (tmp_path / "model.json").write_text(json.dumps(values | older))
        assert saved.read_facts(tmp_path) == facts


def test_mlflow_serves_it(tmp_path: Path) -> None:
    import mlflow

    from dlrun.tracking.model import pack

    dataset, model = fitted("text", "tfidf")
    folder, packed = tmp_path / "saved", tmp_path / "packed"
    folder.mkdir()
    model.save(folder)
    pack(folder, packed)
    rows = pd.DataFrame({"review": dataset.frame["review"].astype(object)[:9]})
    answers = mlflow.pyfunc.load_model(str(packed)).predict(rows)
    expected = model.predict(dataset.frame[:9]).values
    np.testing.assert_allclose(answers.filter(like="p_").to_numpy(), expected, atol=1e-6)
    packages = ("mlflow", "tensorflow", "keras", "scikit-learn", "skops")
    assert (packed / "requirements.txt").read_text().splitlines() == [
        f"dlrun=={dlrun.__version__}",
        *(f"{name}=={version(name)}" for name in packages),
    ]
