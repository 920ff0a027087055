"""The table of the question: each aspect on which the two sides are said to differ, measured."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import yaml

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.metrics import get_metric
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.contract.trial import Aspect
from dlrun.evidence.feature_ablation import Inputs, engineering
from dlrun.evidence.formatting import compact, decimals, fixed, signed
from dlrun.evidence.importance import Importance, agree, importances
from dlrun.evidence.learning_curve import crossover
from dlrun.evidence.stress import Stress, stresses

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.candidate import Family
    from dlrun.contract.study import Study
    from dlrun.evidence.comparison import CandidateSummary, Comparison

Found = TypeVar("Found")

UNMEASURED: Final = "·"
BUSY: Final = "not claimed: the machine was busy"
STRESSES: Final = "[noise,missing,junk_columns,label_noise,shuffle_structure]"


@dataclass(frozen=True)
class AspectResult:
    """One line of the table.

    Attributes:
        aspect: on which the sides are said to differ, and of it what was measured.
        deep: of the best network.
        classic: of the best classic candidate.
        command: that would measure it, where it was not.
    """

    aspect: str
    measure: str
    deep: str = UNMEASURED
    classic: str = UNMEASURED
    command: str | None = None


@dataclass(frozen=True)
class AspectContext:
    """What the answers are read from."""

    study: Study
    comparison: Comparison

    @cached_property
    def measurements(self) -> pd.DataFrame:
        """Return what was measured beside the trials."""
        return self.study.read_probe_scores()

    @property
    def metric(self) -> str:
        """Name the primary metric, on which all of it was measured."""
        return self.study.metrics[0]

    @property
    def best(self) -> tuple[CandidateSummary | None, CandidateSummary | None]:
        """Return the best network and the best classic candidate."""
        rows = {row.name: row for row in self.comparison.rows}
        deep, classic = self.comparison.best_deep, self.comparison.best_classic
        return rows.get(deep or ""), rows.get(classic or "")

    def command(self, *settings: str) -> str:
        """Write the command that trains this recipe once more with other settings."""
        words = (_shortest(self.study.source), *settings)
        return f"dlrun train {' '.join(map(shlex.quote, words))}"


def answer(study: Study, comparison: Comparison) -> tuple[AspectResult, ...]:
    """Answer every aspect with numbers of this study, or the command that would measure them."""
    question = AspectContext(study, comparison)
    return tuple(line for aspect in ASPECTS for line in aspect(question))


def _feature_engineering(question: AspectContext) -> Sequence[AspectResult]:
    aspect, measure = "feature engineering", "score on raw · on engineered inputs"
    study = question.study
    if study.data is None:  # it does not say of which types the columns are
        return [AspectResult(aspect, measure)]
    kinds = list(study.data.columns.values())
    recipe = yaml.safe_load(study.read_text("recipe.yaml"))
    found = engineering(question.comparison, study.features or {}, kinds, recipe)
    if found is None:
        return [AspectResult(aspect, "these columns have no engineered features", "", "")]

    def describe(family: Family) -> str:
        inputs: tuple[Inputs, ...] = ("raw", "engineered")
        told = [
            f"{fixed(row.scores[question.metric], question.comparison.decimals)} {each} "
            f"({row.name})"
            for each in inputs
            if (row := found.cells.get((family, each)))
        ]
        return " · ".join(told) or UNMEASURED

    lines = [AspectResult(aspect, measure, describe("deep"), describe("classic"))]
    if found.missing:
        sides = {
            inputs: " and ".join(SIDES[family] for family, each in found.missing if each == inputs)
            for _, inputs in found.missing
        }
        absent = ", ".join(f"{names} on {inputs} inputs" for inputs, names in sides.items())
        command = question.command(*found.overrides)
        lines.append(AspectResult("", f"score of {absent}", command=command))
    return lines if found.cells else [replace(lines[1], aspect=aspect)]


def _model_type(question: AspectContext) -> Sequence[AspectResult]:
    def describe(row: CandidateSummary) -> str:
        return f"{row.name}, {compact(row.cost.parameters)}"

    return [_both(question, "model type", "candidate, parameters or nodes", describe)]


def _data_requirements(question: AspectContext) -> Sequence[AspectResult]:
    deep, classic = question.best
    found = None
    if deep and classic:
        found = crossover(
            deep.name, classic.name, question.measurements, question.study.trials, question.metric
        )
    if found is None:
        command = f"dlrun curve {shlex.quote(_shortest(question.study.source))}"
        return [
            AspectResult("data requirements", "crossover of the learning curves", command=command)
        ]
    return [AspectResult("data requirements", found.sentence, "", "")]


def _interpretability(question: AspectContext) -> Sequence[AspectResult]:
    table = _of_one_kind(question.measurements, question.study)
    found = {
        each.candidate: each for each in importances(table, question.study.trials, question.metric)
    }
    rows = question.best
    pair = [found[row.name] for row in rows if row and row.name in found]
    if not pair:
        command = question.command("evaluation.importance=true")
        return [AspectResult("interpretability", "permutation importance", command=command)]

    def needed(one: Importance) -> str:
        return f"{one.n_needed} of {len(one.names)}: {', '.join(one.names[:3])}"

    def stability(one: Importance) -> str:
        return UNMEASURED if isnan(one.stability) else f"{one.stability:.2f}"

    lines = [
        _pair("interpretability", "columns that make up 95 % of importance", rows, found, needed),
        _pair("", "same order of columns in every split (Kendall's tau)", rows, found, stability),
    ]
    if len(pair) == 2:  # noqa: PLR2004
        agreement = agree(*pair)
        text = (
            f"the two sides agree on {agreement.n_shared} of their first {agreement.top} columns "
            f"(Kendall's tau {agreement.tau:.2f})"
        )
        lines.append(AspectResult("", text, "", ""))
    return lines


def _of_one_kind(measurements: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Keep columns, or the parts of the only one: a whole outweighs each of its own parts."""
    columns = list(study.data.columns) if study.data else []
    is_column = measurements["name"].isin(columns)
    is_part = (measurements["aspect"] == "importance") & ~is_column
    if len(columns) == 1 and is_part.any():
        return measurements[~is_column]
    return measurements[~is_part] if columns else measurements


def _computation(question: AspectContext) -> Sequence[AspectResult]:
    return [
        _both(question, "" if number else "computation", title, _cost(field))
        for number, (field, title) in enumerate(COSTS.items())
    ]


def _generalisation(question: AspectContext) -> Sequence[AspectResult]:
    gap = f"training − test {get_metric(question.metric).title}"
    lines = [_both(question, "generalisation", gap, _gap(question))]
    if any("ece" in row.scores for row in question.comparison.rows):
        lines.append(_both(question, "", "calibration error (ECE)", lambda row: _score(row, "ece")))
    return [
        *lines,
        *_stressed(question, [aspect for aspect in PERTURBATIONS if aspect != STRUCTURE]),
    ]


def _structure(question: AspectContext) -> Sequence[AspectResult]:
    data = question.study.data
    if data and not any(COLUMN_KINDS[kind].has_structure for kind in data.columns.values()):
        return [
            AspectResult("structure control", "these columns stand in no order to be lost", "", "")
        ]
    return [
        AspectResult("structure control", line.measure, line.deep, line.classic, line.command)
        for line in _stressed(question, [STRUCTURE])
    ]


def _stressed(question: AspectContext, aspects: Sequence[Aspect]) -> Sequence[AspectResult]:
    found = stresses(question.measurements, question.study.trials, question.metric)
    wanted = [each for each in found if each.aspect in aspects]
    lines = []
    for title in dict.fromkeys(each.title for each in wanted):
        by_candidate = {each.candidate: each for each in wanted if each.title == title}
        lines.append(_pair("", title, question.best, by_candidate, _drop))
    missing = [a for a in aspects if a != "shift" and all(each.aspect != a for each in wanted)]
    if missing:
        names = ", ".join(name.replace("_", " ") for name in missing)
        stress = f"evaluation.stress=[{','.join(missing)}]"
        lines.append(AspectResult("", f"score under {names}", command=question.command(stress)))
    return lines


def _drop(stress: Stress) -> str:
    places = decimals(abs(stress.score) / 20)
    worse = -stress.drop if stress.drop else 0.0
    return f"{fixed(stress.score, places)} ({signed(worse, places)})"


def _gap(question: AspectContext) -> Callable[[CandidateSummary], str]:
    table = question.measurements
    trained = table[table["aspect"] == "train"].groupby("candidate")["score"].mean()
    sign = get_metric(question.metric).sign

    def gap(row: CandidateSummary) -> str:
        if row.name not in trained:
            return UNMEASURED
        difference = sign * (trained[row.name] - row.scores[question.metric])
        return signed(difference, question.comparison.decimals)

    return gap


def _cost(field: str) -> Callable[[CandidateSummary], str]:
    unknown = BUSY if field.startswith("latency") else UNMEASURED
    return lambda row: compact(getattr(row.cost, field)) or unknown


def _score(row: CandidateSummary, metric: str) -> str:
    value = row.scores.get(metric, np.nan)
    return UNMEASURED if isnan(value) else fixed(value, 3)


def _both(
    question: AspectContext, aspect: str, measure: str, describe: Callable[[CandidateSummary], str]
) -> AspectResult:
    deep, classic = (describe(row) if row else UNMEASURED for row in question.best)
    return AspectResult(aspect, measure, deep, classic)


def _pair(
    aspect: str,
    measure: str,
    rows: tuple[CandidateSummary | None, CandidateSummary | None],
    found: dict[str, Found],
    describe: Callable[[Found], str],
) -> AspectResult:
    deep, classic = (
        describe(found[row.name]) if row and row.name in found else UNMEASURED for row in rows
    )
    return AspectResult(aspect, measure, deep, classic)


def _shortest(source: str) -> str:
    """Write a file as seen from here where that is shorter."""
    path = Path(source)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else source


STRUCTURE: Final[Aspect] = "shuffle_structure"
COSTS: Final = {
    "fit_seconds": "seconds to fit",
    "cpu_seconds": "CPU seconds to fit",
    "peak_memory_mb": "peak memory, MB",
    "latency_ms_batch1": "latency of 1 row, ms",
    "latency_ms_batch1000": "latency of 1,000 rows, ms",
    "model_mb": "size of the model, MB",
}
SIDES: Final = {"deep": "networks", "classic": "baselines"}
ASPECTS: Final[tuple[Callable[[AspectContext], Sequence[AspectResult]], ...]] = (
    _feature_engineering,
    _model_type,
    _data_requirements,
    _interpretability,
    _computation,
    _generalisation,
    _structure,
)
