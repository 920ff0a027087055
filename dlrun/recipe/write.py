"""A recipe as text: the resolved YAML that re-runs unchanged, and the JSON schema for editors."""

from __future__ import annotations

import ast
import hashlib
import inspect
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from dlrun.contract import search as contract
from dlrun.recipe import baseline, data, preprocessing, search, training
from dlrun.recipe import schema as model
from dlrun.recipe.document import dotted
from dlrun.recipe.schema import Recipe
from dlrun.system.secrets import mask_setting, mask_uri


def resolved_values(recipe: Recipe) -> dict[str, Any]:
    """Return every key with its value as plain data; keys that are not set are left out.

    Passwords and tokens are masked: these values are published, and a digest of them could be
    guessed.
    """
    values: dict[str, Any] = mask_setting("", recipe.model_dump(mode="json", exclude_none=True))
    return values


def to_yaml(recipe: Recipe, *, source: str | None = None) -> str:
    """Write a recipe with all of its defaults, and without its secrets.

    Args:
        recipe: the recipe.
        source: replaces `data.source`: a relative one does not work in another folder.
    """
    values = resolved_values(recipe)
    if source is not None:
        values["data"]["source"] = mask_uri(source)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100)


def absolute_source(recipe: Recipe) -> str:
    """Return `data.source`, a path in it made absolute; `sklearn:wine` and the like stay."""
    source = recipe.data.source
    is_path = ":" not in source or Path(source).is_absolute()
    return str(recipe.folder / source) if is_path else source


def short_settings(recipe: Recipe) -> dict[str, Any]:
    """Return the settings that the whole study shares, under dotted keys."""
    values = resolved_values(recipe)
    sections = ("data", "preprocessing", "evaluation", "search", "execution")
    return flat({section: values[section] for section in sections if section in values})


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Put nested settings under dotted keys."""
    settings: dict[str, Any] = {}
    for name, value in values.items():
        key = dotted(prefix, name)
        settings |= flat(value, key) if isinstance(value, dict) else {key: value}
    return settings


def recipe_digest(recipe: Recipe) -> str:
    """Return the SHA-256 of the resolved recipe, hex."""
    return hashlib.sha256(to_yaml(recipe).encode()).hexdigest()


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of a recipe, for completion and checks in an editor."""
    schema = Recipe.model_json_schema()
    sections = {**schema["$defs"], Recipe.__name__: schema}
    for section, texts in _descriptions().items():
        for name, text in texts.items():
            sections[section]["properties"][name]["description"] = text
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "dlrun recipe",
    }


def _descriptions() -> dict[str, dict[str, str]]:
    """Read the sentence below each key from the source.

    Pydantic can do this too, but does it at every start, which doubles the time to load a recipe.
    """
    found: dict[str, dict[str, str]] = {}
    for module in (model, data, baseline, preprocessing, contract, search, training):
        for section in ast.parse(inspect.getsource(module)).body:
            if isinstance(section, ast.ClassDef):
                found[section.name] = dict(_sentences(section))
    return found


def _sentences(section: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for key, below in pairwise(section.body):
        match key, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)
