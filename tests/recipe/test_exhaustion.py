"""Recipes that would take all time or memory are one clear error within a second or two."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dlrun.errors import RecipeError
from dlrun.recipe.load import load_recipe

DATA = "data: {source: a.csv, target: y}\n"
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(12)
)
MERGE_BOMB = "b0: &b0 {x: 1}\n" + "".join(
    f"b{n + 1}: &b{n + 1}\n  <<: [{', '.join([f'*b{n}'] * 9)}]\n" for n in range(12)
)
TOO_LARGE = "the recipe has more than 100,000 values, those of its aliases each time. Is it data?"
TOO_DEEP = "this is nested more than 32 levels deep"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DATA + BOMB, TOO_LARGE),
        (DATA + MERGE_BOMB, TOO_LARGE),
        (DATA + f"? [{BOMB.splitlines()[0][4:]}]\n: 1\n", "a key is a word, not a list"),
        ("[" * 20_000, TOO_DEEP),
        (DATA + "model: " + "[" * 40 + "]" * 40, TOO_DEEP),
        (
            DATA + "evaluation: {repeats: 1000000000}\n",
            "evaluation.repeats is 1000000000, but must be at most 1000",
        ),
        (
            DATA + "evaluation: {folds: 1000000000}\n",
            "evaluation.folds is 1000000000, but must be at most 1000",
        ),
        (
            DATA + "model: {architecture: mlp, hidden: [1000000000]}\n",
            "model.hidden.0 is 1000000000, but must be at most 65536",
        ),
        (
            DATA + f"model: {{architecture: mlp, hidden: {[8] * 300}}}\n",
            "List should have at most 256 items",
        ),
        (
            DATA + "execution: {workers: 1000000000}\n",
            "execution.workers is 1000000000, but must be at most 1024",
        ),
        (
            "data: {source: a, features: {s: {series: [t0…t999999, u0…u999999]}}}\n",
            "a series has at most 1,000,000 steps",
        ),
        ("data: {source: a, features: {s: {series: ['" + "9" * 100_000 + "…']}}}\n", ""),
        (
            DATA + "seed: !!timestamp x\n",
            "r.yaml:2: seed: a recipe has no values of the kind !!timestamp",
        ),
        (DATA + "seed: !!bool maybe\n", "r.yaml:2: seed: 'maybe' is no bool"),
        (DATA + "seed: !!int ''\n", "r.yaml:2: seed: '' is no int"),
        (DATA + "model: !!set {a}\n", "no values of the kind !!set"),
        (DATA + "model: {<<: 1}\n", "model.<< takes in a mapping, or a list of mappings"),
        (DATA + 'name: "a\\0b"\n', "name: 'a\\x00b' has a character that no name has"),
        (DATA + 'name: "\\ud800"\n', "has a character that no name has"),
        (DATA + 'name: "\\UFFFFFFFF"\n', "not YAML: "),
        (DATA + "".join(f"key{n}: 1\n" for n in range(200)), "and 150 more faults"),
        ("#" * 2**21, "larger than 1,048,576 bytes. A recipe is a small YAML file"),
    ],
    ids=range(22),
)
def test_one_clear_error_in_seconds(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(text, encoding="utf-8")
    start = time.process_time()
    try:
        load_recipe(file)
    except RecipeError as error:
        assert said in str(error)
        assert len(str(error).splitlines()) <= 51
    else:
        assert said == ""
    assert time.process_time() - start < 5


def test_a_device_has_no_end() -> None:
    with pytest.raises(RecipeError, match="larger than"):
        load_recipe(Path("/dev/zero"))


def test_overrides_have_the_same_limits(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(DATA)
    for value in ("!!bool maybe", "[" * 20_000, '"\\UFFFFFFFF"'):
        with pytest.raises(RecipeError, match=r"^command line: seed: "):
            load_recipe(file, [f"seed={value}"])


def test_merged_keys_are_those_of_yaml(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_text(
        DATA + "model:\n  - &a {architecture: mlp, dropout: 0.2, hidden: [4]}\n"
        "  - {<<: *a, name: second, hidden: [5]}\n"
        "  - {<<: [{dropout: 0.3}, *a], name: third}\n"
    )
    settings = [model.settings for model in load_recipe(file).model]
    assert settings == [
        {"dropout": 0.2, "hidden": [4]},
        {"dropout": 0.2, "hidden": [5]},
        {"dropout": 0.3, "hidden": [4]},
    ]
