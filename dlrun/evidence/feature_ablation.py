"""Feature ablation: each side's best candidate on raw and on engineered inputs."""

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
    from dlrun.evidence.comparison import CandidateSummary, Comparison

Inputs = Literal["raw", "engineered"]
Cell = tuple["Family", Inputs]
Written = Mapping[str, Any]  # a candidate as the recipe writes it

BASELINE: Final = "svm"  # that is proposed on features of any type


@dataclass(frozen=True)
class FeatureAblation:
    """Scores of both sides on both kinds of inputs.

    Attributes:
        cells: the best candidate of a side on one kind of inputs.
        missing: cells that could be measured, and were not.
        overrides: settings of `dlrun train` that would measure all cells in one study.
    """

    cells: Mapping[Cell, CandidateSummary]
    missing: tuple[Cell, ...]
    overrides: tuple[str, ...]


def engineering(
    comparison: Comparison,
    features: Mapping[str, Sequence[str]],
    kinds: Sequence[str],
    recipe: Mapping[str, Any],
) -> FeatureAblation | None:
    """Return the best candidate of each cell; None where the columns have no engineered features.

    As for the verdict, the best is chosen on the validation rows. `dummy` ignores its inputs and
    has no cell.

    Args:
        comparison: of one study.
        features: candidate → features that it makes of images, texts, sounds and series; a
            candidate that is not in it has no cell.
        kinds: the types of the columns.
        recipe: the resolved recipe.
    """
    featured = [kind for kind in dict.fromkeys(kinds) if features_of_type(kind)]
    if not featured:
        return None
    cells = _best(comparison, features)
    missing = tuple(cell for cell in _possible(featured) if cell not in cells)
    proposed = _proposed(cells, features, featured[0])
    overrides = tuple(_overrides(missing, recipe, featured, proposed))
    return FeatureAblation(cells, missing, overrides)


def _best(
    comparison: Comparison, features: Mapping[str, Sequence[str]]
) -> dict[Cell, CandidateSummary]:
    sign = -1 if comparison.lower_is_better else 1

    def selection_key(row: CandidateSummary) -> tuple[int, float]:
        return row.n, -inf if isnan(row.validation) else sign * row.validation

    cells: dict[Cell, CandidateSummary] = {}
    for row in comparison.rows:
        if row.n and row.name != DUMMY and row.name in features:
            cell = (row.family, _inputs(features[row.name]))
            cells[cell] = max(cells.get(cell, row), row, key=selection_key)
    return cells


def _inputs(features: Sequence[str]) -> Inputs:
    return "engineered" if is_engineered(features) else "raw"


def _possible(featured: Sequence[str]) -> list[Cell]:
    """Return the cells that can be measured: no estimator takes a raw text or sound."""
    has_raw = all(any(row.is_raw for row in features_of_type(kind)) for kind in featured)
    classic: list[Cell] = [("classic", "raw")] if has_raw else []
    return [("deep", "raw"), ("deep", "engineered"), *classic, ("classic", "engineered")]


def _proposed(
    cells: Mapping[Cell, CandidateSummary], features: Mapping[str, Sequence[str]], kind: str
) -> list[str]:
    """Return the features of a missing candidate: those of the other side, else the first."""
    used = [features[row.name] for (_, inputs), row in cells.items() if inputs == "engineered"]
    if used:
        return [name for name in used[0] if not FEATURES[name].is_raw]
    return [row.name for row in features_of_type(kind) if not row.is_raw][:1]


def _overrides(
    missing: Sequence[Cell],
    recipe: Mapping[str, Any],
    featured: Sequence[str],
    proposed: list[str],
) -> Iterator[str]:
    """Yield the recipe's own candidates with the missing ones added."""
    families = {family for family, _ in missing}
    if "deep" in families:
        yield f"model={_flow(_models(recipe.get('model', []), featured, proposed))}"
    if "classic" in families:
        listed = recipe.get("baselines")
        baselines = listed if isinstance(listed, list) else []
        yield f"baselines={_flow(_baselines(baselines, featured, proposed))}"


def _models(models: list[Written], featured: Sequence[str], proposed: list[str]) -> list[Written]:
    network = "text_cnn" if featured[0] == "text" else "cnn"
    present = {_inputs(model.get("features", ())) for model in models}
    raw = [] if "raw" in present else [{"architecture": network}]
    engineered = [] if "engineered" in present else [{"architecture": "mlp", "features": proposed}]
    return [*raw, *models, *engineered]


def _baselines(
    baselines: list[Written], featured: Sequence[str], proposed: list[str]
) -> list[Written]:
    present = {_inputs(_features_of(baseline, featured)) for baseline in baselines}
    values = [row.name for kind in featured for row in features_of_type(kind) if row.is_raw]
    added = [
        {"name": BASELINE, "features": values if inputs == "raw" else proposed}
        for family, inputs in _possible(featured)
        if family == "classic" and inputs not in present
    ]
    return [*baselines, *added]


def _features_of(baseline: Written, featured: Sequence[str]) -> tuple[str, ...]:
    row = BASELINES.get(baseline.get("estimator") or baseline.get("name", ""))
    chosen = baseline.get("features") or []
    return features_of(featured, [*chosen, *(row.features if row else ())])


def _flow(candidates: Sequence[Written]) -> str:
    """Return candidates as YAML on one line, without defaults."""
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
