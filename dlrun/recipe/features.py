"""The key `features` of a candidate: what it computes from images, texts, sounds and series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from dlrun.catalog.features import FEATURES, features_of_type
from dlrun.recipe.base import one_of


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _known(value: list[str]) -> list[str]:
    for name in value:
        one_of(name, tuple(FEATURES), "a feature")
    return value


Features = Annotated[
    list[str],
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
    AfterValidator(_known),
]


def check_apart(features: Sequence[str], candidate: str) -> None:
    """Check that the features of a candidate, a baseline or model, are of different column types.

    Raises:
        ValueError: two of them are computed from the same columns.
    """
    types = [FEATURES[name].column_type for name in features]
    twice = [name for name, type_ in zip(features, types, strict=True) if types.count(type_) > 1]
    if twice:
        message = (
            f"features: {', '.join(twice)} are made of the same columns. Keep one of them, "
            f"and list the {candidate} once more for another"
        )
        raise ValueError(message)


def features_of(types: Iterable[str], chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the features of columns of these types, each once; numbers and the like have none."""
    features = (feature_of(type_, chosen) for type_ in types)
    return tuple(dict.fromkeys(name for name in features if name))


def feature_of(column_type: str, chosen: Sequence[str]) -> str | None:
    """Return the chosen feature of a column type, else its first; None if it has none."""
    known = [row.name for row in features_of_type(column_type)]
    return next((name for name in chosen if name in known), next(iter(known), None))


def is_engineered(features: Sequence[str]) -> bool:
    """Return whether any of the features is more than the raw values."""
    return not all(FEATURES[name].is_raw for name in features)
