"""The key `features` of a candidate: what it computes from images, texts, sounds and series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from dlrun.catalog.features import EMBED, FEATURES, features_of_type
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
    """Check that the features of a candidate, a baseline or model, are of different columns.

    What a pretrained network makes of a column goes with another feature of it.

    Raises:
        ValueError: two of them are computed from the same columns.
    """
    own = [name for name in features if not FEATURES[name].is_learned]
    types = [type_ for name in own for type_ in FEATURES[name].column_types]
    twice = [name for name in own if any(types.count(t) > 1 for t in FEATURES[name].column_types)]
    if twice:
        message = (
            f"features: {', '.join(twice)} are made of the same columns. Keep one of them, "
            f"and list the {candidate} once more for another"
        )
        raise ValueError(message)


def check_backbone(backbone: str | None, features: Sequence[str]) -> None:
    """Check that a backbone is named only where there is something that it makes.

    Raises:
        ValueError: no feature of the candidate is made by a pretrained network.
    """
    if backbone is not None and EMBED not in features:
        message = f"backbone: {backbone} makes the feature {EMBED}. Add features: {EMBED}"
        raise ValueError(message)


def features_of(types: Iterable[str], chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the features of columns of these types, each once; numbers and the like have none."""
    return tuple(dict.fromkeys(name for type_ in types for name in features_for(type_, chosen)))


def features_for(column_type: str, chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the chosen features of a column type, else its first; none if it has none."""
    known = [row.name for row in features_of_type(column_type)]
    return tuple(name for name in chosen if name in known) or tuple(known[:1])


def is_engineered(features: Sequence[str]) -> bool:
    """Return whether any feature is more than the raw values, or what a network made of them."""
    rows = [FEATURES[name] for name in features]
    return not all(row.is_raw or row.is_learned for row in rows)
