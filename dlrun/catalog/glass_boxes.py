"""Glass boxes: candidates of which a person can follow how the columns become a prediction."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.catalog.baselines import BASELINES, Baseline
from dlrun.catalog.features import FEATURES
from dlrun.contract.candidate import Kind


def is_glass_box(name: str, kind: Kind | None, features: Sequence[str]) -> bool | None:
    """Return whether a candidate is a glass box; None where that is unknown.

    Networks are black boxes. A baseline is what its row says, and a black box where it is given
    features that nobody can read. Of a class that the recipe names by its path, and of a blend,
    it is not known.

    Args:
        name: of the candidate, such as linear or linear-tfidf.
        kind: of the candidate; None: a blend.
        features: that it makes of images, texts, sounds and series.
    """
    if kind is None:
        return None
    row = _baseline_of(name)
    if row is None:
        return None if kind == "classic" else False
    if row.glass_box == "always":
        return all(FEATURES[each].is_readable for each in features)
    return row.glass_box == "on tables" and not features


def _baseline_of(name: str) -> Baseline | None:
    """Return the row of a candidate's name, after which its features and a number may follow."""
    return next(
        (row for row in BASELINES.values() if name == row.name or name.startswith(f"{row.name}-")),
        None,
    )
