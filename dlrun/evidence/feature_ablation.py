"""Feature engineering two by two: each side's best on raw and on engineered inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import TYPE_CHECKING, Any, Final, Literal

import yaml

from dlrun.catalog.baselines import BASELINES, DUMMY
from dlrun.catalog.features import FEATURES, features_of_type
from dlrun.recipe.features import features_of, is_engineered

if TYPE_CHECKING:
    from dlrun.contract.candidate import Family
    from dlrun.contract.dataset import ColumnType
    from dlrun.evidence.comparison import CandidateSummary, Comparison

Inputs = Literal["raw", "engineered"]
Cell = tuple["Family", Inputs]
FeatureCandidate = Mapping[str, Any]  # as the recipe writes it

CLASSIC_ON_ANY: Final = "svm"


@dataclass(frozen=True)
class FeatureAblation:
    """What a study says about features.

    Attributes:
        cells: the candidate that stands for a side on one kind of inputs.
        missing: what could be measured, and was not.
        overrides: settings of `dlrun train` that would measure all of it in one study.
    """

    cells: Mapping[Cell, CandidateSummary]
    missing: tuple[Cell, ...]
    overrides: tuple[str, ...]


def engineering(
    comparison: Comparison,
    features: Mapping[str, Sequence[str]],
    kinds: Sequence[ColumnType],
    recipe: Mapping[str, Any],
) -> FeatureAblation | None:
    """Gather who learnt from raw inputs and who from engineered ones, and how well.

    As for the verdict, the best is chosen on the validation rows, so that its test score is no
    matter of luck. The floor looks at no inputs, so it has no cell.

    Args:
        comparison: of one study.
        features: candidate → what it made of images, texts, sounds and series; a candidate that
            is not in it has no cell.
        kinds: the types of the columns.
        recipe: the resolved recipe.

    Returns:
        None where the columns have no engineered features.
    """
    featured = [kind for kind in dict.fromkeys(kinds) if features_of_type(kind)]
    if not featured:
        return None
    cells = _best(comparison, features)
    missing = tuple(cell for cell in _possible(featured) if cell not in cells)
    wanted = _wanted(cells, features, featured[0])
    overrides = tuple(_overrides(missing, recipe, featured, wanted))
    return FeatureAblation(cells, missing, overrides)


def _best(
    comparison: Comparison, features: Mapping[str, Sequence[str]]
) -> dict[Cell, CandidateSummary]:
    sign = -1.0 if comparison.lower_is_better else 1.0

    def merit(row: CandidateSummary) -> tuple[int, float]:
        return row.n, -inf if isnan(row.validation) else sign * row.validation

    cells: dict[Cell, CandidateSummary] = {}
    for row in comparison.rows:
        if row.n and row.name != DUMMY and row.name in features:
            cell = (row.family, _inputs(features[row.name]))
            cells[cell] = max(cells.get(cell, row), row, key=merit)
    return cells


def _inputs(features: Sequence[str]) -> Inputs:
    return "engineered" if is_engineered(features) else "raw"


def _possible(featured: Sequence[ColumnType]) -> list[Cell]:
    """Return the cells that there are: no classic estimator takes a raw text or sound."""
    has_raw = all(any(row.is_raw for row in features_of_type(kind)) for kind in featured)
    classic: list[Cell] = [("classic", "raw")] if has_raw else []
    return [("deep", "raw"), ("deep", "engineered"), *classic, ("classic", "engineered")]


def _wanted(
    cells: Mapping[Cell, CandidateSummary], features: Mapping[str, Sequence[str]], kind: ColumnType
) -> list[str]:
    """Choose the features that a missing candidate shall have: those of the other side."""
    there = [features[row.name] for (_, inputs), row in cells.items() if inputs == "engineered"]
    if there:
        return [name for name in there[0] if not FEATURES[name].is_raw]
    return [row.name for row in features_of_type(kind) if not row.is_raw][:1]


def _overrides(
    missing: Sequence[Cell],
    recipe: Mapping[str, Any],
    featured: Sequence[ColumnType],
    wanted: list[str],
) -> Iterator[str]:
    """List the recipe's own candidates and those that are missing beside them."""
    families = {family for family, _ in missing}
    if "deep" in families:
        yield f"model={_flow(_models(recipe.get('model', []), featured, wanted))}"
    if "classic" in families:
        listed = recipe.get("baselines")
        baselines = listed if isinstance(listed, list) else []
        yield f"baselines={_flow(_baselines(baselines, featured, wanted))}"


def _models(
    models: list[FeatureCandidate], featured: Sequence[ColumnType], wanted: list[str]
) -> list[FeatureCandidate]:
    network = "text_cnn" if featured[0] == "text" else "cnn"
    there = {_inputs(model.get("features", ())) for model in models}
    raw = [] if "raw" in there else [{"architecture": network}]
    made = [] if "engineered" in there else [{"architecture": "mlp", "features": wanted}]
    return [*raw, *models, *made]


def _baselines(
    baselines: list[FeatureCandidate], featured: Sequence[ColumnType], wanted: list[str]
) -> list[FeatureCandidate]:
    there = {_inputs(_features_of(baseline, featured)) for baseline in baselines}
    values = [row.name for kind in featured for row in features_of_type(kind) if row.is_raw]
    added = [
        {"name": CLASSIC_ON_ANY, "features": values if inputs == "raw" else wanted}
        for family, inputs in _possible(featured)
        if family == "classic" and inputs not in there
    ]
    return [*baselines, *added]


def _features_of(baseline: FeatureCandidate, featured: Sequence[ColumnType]) -> tuple[str, ...]:
    row = BASELINES.get(baseline.get("estimator") or baseline.get("name", ""))
    chosen = baseline.get("features") or []
    return features_of(featured, [*chosen, *(row.features if row else ())])


def _flow(candidates: Sequence[FeatureCandidate]) -> str:
    """Write candidates on one line, as short as the recipe may."""
    short = [
        {key: _plain(value) for key, value in candidate.items() if value not in ({}, [])}
        for candidate in candidates
    ]
    text: str = yaml.safe_dump(
        short, default_flow_style=True, sort_keys=False, allow_unicode=True, width=inf
    )
    return text.strip()


def _plain(value: Any) -> Any:
    is_single = isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)
    return value[0] if is_single else value
