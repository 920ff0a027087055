"""The aspects on which deep and classic learning are said to differ, each measured."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import yaml

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.metrics import get_metric
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.contract.trial import Aspect
from dlrun.evidence.feature_ablation import Inputs, engineering
from dlrun.evidence.formatting import compact, decimals, fixed, signed, span
from dlrun.evidence.importance import Importance, agree, importances
from dlrun.evidence.label_curve import label_curves
from dlrun.evidence.learning_curve import crossover
from dlrun.evidence.stress import Stress, stresses

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.candidate import Family
    from dlrun.contract.study import Study
    from dlrun.evidence.comparison import CandidateSummary, Comparison

Found = TypeVar("Found")

UNMEASURED: Final = "·"
BUSY: Final = "not measured: the machine was busy"


@dataclass(frozen=True)
class AspectResult:
    """One line of the table.

    Attributes:
        aspect: on which the sides are said to differ; empty on its further lines.
        measure: what is measured.
        deep: the value of the best network.
        classic: the value of the best classic candidate.
        command: the command that would measure it, where it was not.
    """

    aspect: str
    measure: str
    deep: str = UNMEASURED
    classic: str = UNMEASURED
    command: str | None = None


@dataclass(frozen=True)
class AspectContext:
    """What the results are computed from."""

    study: Study
    comparison: Comparison

    @cached_property
    def probe_scores(self) -> pd.DataFrame:
        """Return the study's probe scores."""
        return self.study.read_probe_scores()

    @property
    def metric(self) -> str:
        """Return the primary metric, on which all is measured."""
        return self.study.metrics[0]

    @property
    def best(self) -> tuple[CandidateSummary | None, CandidateSummary | None]:
        """Return the best network and the best classic candidate."""
        rows = {row.name: row for row in self.comparison.rows}
        deep, classic = self.comparison.best_deep, self.comparison.best_classic
        return rows.get(deep or ""), rows.get(classic or "")

    def command(self, *settings: str) -> str:
        """Return the command that trains this recipe with other settings."""
        words = (shortest(self.study.source), *settings)
        return f"dlrun train {' '.join(map(shlex.quote, words))}"


def answer(study: Study, comparison: Comparison) -> tuple[AspectResult, ...]:
    """Return the results of every aspect, or the commands that would measure them."""
    context = AspectContext(study, comparison)
    return tuple(line for aspect in ASPECTS for line in aspect(context))


def _feature_engineering(context: AspectContext) -> Sequence[AspectResult]:
    aspect, measure = "feature engineering", "score on raw · on engineered inputs"
    study = context.study
    if study.data is None:  # the types of its columns are unknown
        return [AspectResult(aspect, measure)]
    kinds = list(study.data.columns.values())
    recipe = yaml.safe_load(study.read_text("recipe.yaml"))
    found = engineering(context.comparison, study.features or {}, kinds, recipe)
    if found is None:
        return [AspectResult(aspect, "these columns have no engineered features", "", "")]

    def scores(family: Family) -> str:
        each_input: tuple[Inputs, ...] = ("raw", "engineered")
        return (
            " · ".join(
                f"{fixed(row.scores[context.metric], context.comparison.decimals)} {inputs} "
                f"({row.name})"
                for inputs in each_input
                if (row := found.cells.get((family, inputs)))
            )
            or UNMEASURED
        )

    lines = [AspectResult(aspect, measure, scores("deep"), scores("classic"))]
    if found.missing:
        sides = {
            inputs: " and ".join(SIDES[family] for family, each in found.missing if each == inputs)
            for _, inputs in found.missing
        }
        missing = ", ".join(f"{names} on {inputs} inputs" for inputs, names in sides.items())
        command = context.command(*found.overrides)
        lines.append(AspectResult("", f"score of {missing}", command=command))
    return lines if found.cells else [replace(lines[1], aspect=aspect)]


def _model_type(context: AspectContext) -> Sequence[AspectResult]:
    def describe(row: CandidateSummary) -> str:
        return f"{row.name}, {compact(row.cost.parameters)}"

    return [_of_best(context, "model type", "candidate, parameters or nodes", describe)]


def _data_requirements(context: AspectContext) -> Sequence[AspectResult]:
    if of_labels := label_curves(context.study):
        sentences = of_labels.sentences
        return [
            AspectResult("" if number else "data requirements", sentence, "", "")
            for number, sentence in enumerate(sentences)
        ]
    deep, classic = context.best
    found = None
    if deep and classic:
        found = crossover(deep.name, classic.name, context.study, context.probe_scores)
    if found is None:
        command = f"dlrun curve {shlex.quote(shortest(context.study.source))}"
        measure = "crossover of the learning curves"
        return [AspectResult("data requirements", measure, command=command)]
    return [AspectResult("data requirements", found.sentence, "", "")]


def _interpretability(context: AspectContext) -> Sequence[AspectResult]:
    table = _of_one_kind(context.probe_scores, context.study)
    trials = context.study.trials
    found = {each.candidate: each for each in importances(table, trials, context.metric)}
    both = [found[row.name] for row in context.best if row and row.name in found]
    if not both:
        command = context.command("evaluation.importance=true")
        return [AspectResult("interpretability", "permutation importance", command=command)]

    def needed(one: Importance) -> str:
        return f"{one.n_needed} of {len(one.names)}: {', '.join(one.names[:3])}"

    def stability(one: Importance) -> str:
        return UNMEASURED if isnan(one.stability) else f"{one.stability:.2f}"

    columns, order = "columns that make up 95 % of importance", "rank correlation between splits"
    lines = [
        _of_found(context, "interpretability", columns, found, needed),
        _of_found(context, "", f"{order} (Kendall's tau)", found, stability),
    ]
    if len(both) == 2:  # noqa: PLR2004
        agreement = agree(*both)
        text = (
            f"the two sides agree on {agreement.n_shared} of their first {agreement.top} columns "
            f"(Kendall's tau {agreement.tau:.2f})"
        )
        lines.append(AspectResult("", text, "", ""))
    return lines


def _of_one_kind(probe_scores: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the rows of columns, or of the parts of the only one, which it would outweigh."""
    columns = list(study.data.columns) if study.data else []
    is_column = probe_scores["name"].isin(columns)
    is_part = (probe_scores["aspect"] == "importance") & ~is_column
    if len(columns) == 1 and is_part.any():
        return probe_scores[~is_column]
    return probe_scores[~is_part] if columns else probe_scores


def _tuning(context: AspectContext) -> Sequence[AspectResult]:
    """Return what tuning gained and took; nothing where no settings were searched."""
    if not context.comparison.search_costs:
        return []
    places = context.comparison.decimals

    def gain(row: CandidateSummary) -> str:
        if row.tuning is None or isnan(row.tuning.gain.mean):
            return UNMEASURED
        found = row.tuning.gain
        ends = "" if isnan(found.low) else f" {span(found.low, found.high, places)}"
        scores = f"{fixed(row.tuning.default, places)} → {fixed(row.tuning.tuned, places)}"
        return f"{signed(found.mean, places)}{ends}, {scores}"

    def search(row: CandidateSummary) -> str:
        if row.tuning is None:
            return UNMEASURED
        return f"{compact(row.tuning.cpu_seconds)}, {row.tuning.n_trials:.3g} trials"

    title = get_metric(context.comparison.metric).title
    return [
        _of_best(context, "tuning", f"gain in {title}, default → tuned", gain),
        _of_best(context, "", "CPU seconds of a search", search),
    ]


def _computation(context: AspectContext) -> Sequence[AspectResult]:
    return [
        _of_best(context, "" if number else "computation", title, _cost(field))
        for number, (field, title) in enumerate(COSTS.items())
        if field not in OF_GPUS or any(_is_known(row, field) for row in context.comparison.rows)
    ]


def _is_known(row: CandidateSummary, cost: str) -> bool:
    return getattr(row.cost, cost) is not None


def _generalisation(context: AspectContext) -> Sequence[AspectResult]:
    gap = f"training − test {get_metric(context.metric).title}"
    lines = [_of_best(context, "generalisation", gap, _gap(context))]
    if any("ece" in row.scores for row in context.comparison.rows):
        lines.append(_of_best(context, "", "calibration error (ECE)", _ece))
    return [*lines, *_stressed(context, [name for name in PERTURBATIONS if name != STRUCTURE])]


def _structure(context: AspectContext) -> Sequence[AspectResult]:
    aspect, data = "structure control", context.study.data
    if data and not any(COLUMN_KINDS[kind].has_structure for kind in data.columns.values()):
        return [AspectResult(aspect, "these columns have no order to shuffle", "", "")]
    return [replace(line, aspect=aspect) for line in _stressed(context, [STRUCTURE])]


def _stressed(context: AspectContext, aspects: Sequence[Aspect]) -> Sequence[AspectResult]:
    found = stresses(context.probe_scores, context.study.trials, context.metric)
    wanted = [each for each in found if each.aspect in aspects]
    lines = []
    for title in dict.fromkeys(each.title for each in wanted):
        by_candidate = {each.candidate: each for each in wanted if each.title == title}
        lines.append(_of_found(context, "", title, by_candidate, _drop))
    measured = {each.aspect for each in wanted}
    missing = [name for name in aspects if PERTURBATIONS[name].is_optional and name not in measured]
    if missing:
        names = ", ".join(name.replace("_", " ") for name in missing)
        command = context.command(f"evaluation.stress=[{','.join(missing)}]")
        lines.append(AspectResult("", f"score under {names}", command=command))
    return lines


def _drop(stress: Stress) -> str:
    places = decimals(abs(stress.score) / 20)
    worse = -stress.drop if stress.drop else 0.0
    return f"{fixed(stress.score, places)} ({signed(worse, places)})"


def _gap(context: AspectContext) -> Callable[[CandidateSummary], str]:
    table = context.probe_scores
    trained = table[table["aspect"] == "train"].groupby("candidate")["score"].mean()
    sign = get_metric(context.metric).sign

    def gap(row: CandidateSummary) -> str:
        if row.name not in trained:
            return UNMEASURED
        difference = sign * (trained[row.name] - row.scores[context.metric])
        return signed(difference, context.comparison.decimals)

    return gap


def _cost(field: str) -> Callable[[CandidateSummary], str]:
    unknown = BUSY if field.startswith("latency") else UNMEASURED
    return lambda row: compact(getattr(row.cost, field)) or unknown


def _ece(row: CandidateSummary) -> str:
    value = row.scores.get("ece", nan)
    return UNMEASURED if isnan(value) else fixed(value, 3)


def _of_best(
    context: AspectContext, aspect: str, measure: str, describe: Callable[[CandidateSummary], str]
) -> AspectResult:
    deep, classic = (describe(row) if row else UNMEASURED for row in context.best)
    return AspectResult(aspect, measure, deep, classic)


def _of_found(
    context: AspectContext,
    aspect: str,
    measure: str,
    found: dict[str, Found],
    describe: Callable[[Found], str],
) -> AspectResult:
    def value(row: CandidateSummary) -> str:
        return describe(found[row.name]) if row.name in found else UNMEASURED

    return _of_best(context, aspect, measure, value)


def shortest(source: str) -> str:
    """Return a path relative to the working folder where it is inside."""
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
    "gpu_peak_memory_mb": "peak memory of the GPU, MB",
    "gpu_energy_wh": "energy of the GPU to fit, Wh",
}
OF_GPUS: Final = ("gpu_peak_memory_mb", "gpu_energy_wh")  # shown where one was used
SIDES: Final = {"deep": "networks", "classic": "baselines"}
ASPECTS: Final[tuple[Callable[[AspectContext], Sequence[AspectResult]], ...]] = (
    _feature_engineering,
    _model_type,
    _data_requirements,
    _interpretability,
    _tuning,
    _computation,
    _generalisation,
    _structure,
)
