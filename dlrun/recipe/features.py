"""The key `features` of a candidate: what it makes of images, texts, sounds and series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from dlrun.contract.dataset import ColumnType
from dlrun.recipe import vocabulary as names
from dlrun.recipe.base import one_of


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _known(value: list[str]) -> list[str]:
    for name in value:
        one_of(name, tuple(names.FEATURE_TYPES), "a feature")
    return value


Features = Annotated[
    list[str],
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
    AfterValidator(_known),
]


def check_apart(features: Sequence[str], candidate: str) -> None:
    """Check that features are made of columns of different types.

    Args:
        features: their names.
        candidate: the word for what they are listed with, a baseline or a model.

    Raises:
        ValueError: two of them are made of the same columns.
    """
    kinds = [names.FEATURE_TYPES[name] for name in features]
    twice = [name for name, kind in zip(features, kinds, strict=True) if kinds.count(kind) > 1]
    if twice:
        message = (
            f"features: {', '.join(twice)} are made of the same columns. Keep one of them, "
            f"and list the {candidate} once more for another"
        )
        raise ValueError(message)


def features_of(kinds: Iterable[ColumnType], chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the features that columns of these types become, each once; none of a table's."""
    made = (feature_of(kind, chosen) for kind in kinds)
    return tuple(dict.fromkeys(name for name in made if name))


def feature_of(kind: ColumnType, chosen: Sequence[str]) -> str | None:
    """Return the feature that a type of column becomes; None for those of a table."""
    named = names.FEATURES.get(kind, {})
    return next((name for name in chosen if name in named), next(iter(named), None))


def is_engineered(features: Sequence[str]) -> bool:
    """Say whether any of the features is more than the raw values."""
    return any(name not in names.RAW_FEATURES for name in features)
