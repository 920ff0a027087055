"""The blend: a weighted mean of the candidates of both sides, made after their trials."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.baselines import DUMMY
from dlrun.catalog.metrics import metrics_of
from dlrun.contract.candidate import BLEND, SIDES, Predictions
from dlrun.contract.trial import BlendMember, Cost, Trial
from dlrun.metrics.blend import blend_weights, mix
from dlrun.metrics.scores import score
from dlrun.study.blend_model import save_blend

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Candidate
    from dlrun.contract.dataset import Dataset
    from dlrun.study.plan import StudyPlan
    from dlrun.study.resume import Journal
    from dlrun.tracking.study import StudyRun

SUMMED: Final = (
    "fit_seconds",
    "cpu_seconds",
    "startup_seconds",
    "latency_ms_batch1",
    "latency_ms_batch1000",
    "model_mb",
    "parameters",
)

log = logging.getLogger(__name__)


def run_blend(
    plan: StudyPlan,
    study: StudyRun,
    journal: Journal,
    trials: Sequence[Trial],
    note: Callable[[str], None],
) -> list[Trial]:
    """Make the blend's trial of every split, and track it; none where it is left out.

    A blend needs a candidate of each side, beside `dummy`, that has finished every split. Where
    one is missing among those that the plan has of both sides, a note says so.

    Args:
        plan: of the study.
        study: tracks the blend.
        journal: has the models of the candidates.
        trials: of all candidates on the splits.
        note: shows why the blend is left out.
    """
    sides = {each.family for each in _rivals(plan.candidates)}
    if not plan.recipe.evaluation.blend or not sides >= {*SIDES}:
        return []
    able = _finished(plan, trials)
    if reason := _left_out(able):
        note(f"No blend: {reason}.")
        return []
    blended = [
        blend([of_split[k] for of_split in able.values()], plan.dataset, plan.metrics)
        for k in range(len(plan.splits.splits))
    ]
    settings = {f"weight.{name}": round(share, 3) for name, share in mean_weights(blended).items()}
    study.begin_candidate(BLEND, None, settings)
    for trial in blended:
        study.log_trial(trial)
    study.finish_candidate(BLEND, _save(plan, journal, blended[-1]))
    return blended


def blend(members: Sequence[Trial], dataset: Dataset, metrics: tuple[str, ...]) -> Trial:
    """Return the trial of a blend on one split, whose weights are chosen on its validation rows.

    Args:
        members: the trials of candidates on this split, with their predictions.
        dataset: all rows.
        metrics: what is scored; the first is what the weights are chosen for.
    """
    split, target = members[0].split, dataset.target
    validated = _stacked(trial.validation_predictions for trial in members)
    y = dataset.y[split.validation]
    metric = metrics_of(target.task)[metrics[0]]
    weights = blend_weights(validated, y, metric, seed=split.seed)
    predictions = Predictions(mix(_stacked(trial.predictions for trial in members), weights))
    validation = Predictions(mix(validated, weights))
    ranked = sorted(zip(weights.tolist(), members, strict=True), key=lambda pair: -pair[0])
    used = [(weight, trial) for weight, trial in ranked if weight > 0]
    return Trial(
        candidate=BLEND,
        family="both",
        split=split,
        predictions=predictions,
        scores=score(metrics, predictions, dataset.y[split.test], target),
        validation_scores=score(metrics, validation, y, target),
        cost=_cost([trial.cost for _, trial in used]),
        validation_predictions=validation,
        members=tuple(BlendMember(each.candidate, each.family, weight) for weight, each in used),
    )


def mean_weights(trials: Sequence[Trial]) -> dict[str, float]:
    """Return candidate → its mean weight in a blend over the splits, the heaviest first."""
    totals: dict[str, float] = {}
    for each in (member for trial in trials for member in trial.members):
        totals[each.candidate] = totals.get(each.candidate, 0.0) + each.weight
    return {name: totals[name] / len(trials) for name in sorted(totals, key=lambda k: -totals[k])}


def _rivals(candidates: Iterable[Candidate]) -> list[Candidate]:
    return [each for each in candidates if each.name != DUMMY]


def _finished(plan: StudyPlan, trials: Iterable[Trial]) -> dict[str, dict[int, Trial]]:
    """Return candidate → split → trial of those that have predicted all rows of every split."""
    found: dict[str, dict[int, Trial]] = {each.name: {} for each in _rivals(plan.candidates)}
    for trial in trials:
        if trial.candidate in found and trial.predictions and trial.validation_predictions:
            found[trial.candidate][trial.split.index] = trial
    n_splits = len(plan.splits.splits)
    return {name: own for name, own in found.items() if len(own) == n_splits}


def _left_out(able: Mapping[str, Mapping[int, Trial]]) -> str:
    """Return why there is no blend; empty where there is one."""
    families = {own[0].family for own in able.values()}
    missing = [side for side in SIDES if side not in families]
    if not missing:
        return ""
    candidates = " and no ".join(f"{side} candidate" for side in missing)
    return f"no {candidates} has predictions of the validation rows of every split"


def _stacked(predictions: Iterable[Predictions | None]) -> NDArray[np.float64]:
    return np.stack([each.values for each in predictions if each is not None])


def _cost(parts: Sequence[Cost]) -> Cost:
    """Add what the members cost, as far as all is known; they are trained one after the other."""
    sums = {}
    for name in SUMMED:
        values = [getattr(part, name) for part in parts]
        sums[name] = None if None in values else sum(values)
    energies = _known(parts, "gpu_energy_wh")  # those members without one used no GPU
    return Cost(
        **sums,
        peak_memory_mb=max(_known(parts, "peak_memory_mb"), default=None),
        gpu_peak_memory_mb=max(_known(parts, "gpu_peak_memory_mb"), default=None),
        gpu_energy_wh=sum(energies) if energies else None,
    )


def _known(parts: Sequence[Cost], name: str) -> list[float]:
    values = (getattr(part, name) for part in parts)
    return [value for value in values if value is not None]


def _save(plan: StudyPlan, journal: Journal, last: Trial) -> Path | None:
    """Save the members' models of the last split as one, and return its folder."""
    weights = {each.candidate: each.weight for each in last.members}
    members = {
        each.name: journal.model_folder(each) for each in plan.candidates if each.name in weights
    }
    if not all(folder.exists() for folder in members.values()):
        return None  # a warning has named the model
    return write_blend(journal.folder / BLEND, members, weights)


def write_blend(
    folder: Path, members: Mapping[str, Path], weights: Mapping[str, float]
) -> Path | None:
    """Save models as one blend in the folder, in place of what is there, and return it.

    A model that cannot be saved costs the model alone: then it is None.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with TemporaryDirectory(prefix="dlrun-") as scratch:
            written = Path(scratch, "model")
            written.mkdir()
            save_blend(written, members, weights)
            shutil.move(written, folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        log.warning("%s: the blend cannot be written: %s. Its scores are kept.", folder, error)
        return None
    return folder
