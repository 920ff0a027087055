"""The stage of a study that looks inside its candidates, once the verdict is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.contract.candidate import Candidate, always_continue
from dlrun.contract.job import Strand
from dlrun.contract.study import rows_of_last_split
from dlrun.evidence.formatting import counted
from dlrun.report.context import build_context
from dlrun.study.inside.look import Look, LookJob
from dlrun.study.strands import run_strands
from dlrun.study.workers import is_joint

if TYPE_CHECKING:
    from dlrun.contract.study import Study
    from dlrun.evidence.comparison import Comparison
    from dlrun.report.progress import Reporter
    from dlrun.study.engines.engine import Engine
    from dlrun.study.plan import StudyPlan
    from dlrun.study.resume import Journal
    from dlrun.tracking.study import StudyRun


def look_inside(
    plan: StudyPlan,
    study: StudyRun,
    tracked: Study,
    comparison: Comparison,
    reporter: Reporter,
    journal: Journal,
    engine: Engine,
) -> None:
    """Look inside every candidate whose model of the last split is there, if the recipe says so.

    A look that fails does not fail the study: a note says why, and how to see more.

    Args:
        plan: of the study.
        study: to which what is found is logged.
        tracked: the study, as it is in the store.
        comparison: of its candidates.
        reporter: shows the progress.
        journal: has the models.
        engine: runs the looks.
    """
    folders = {
        each.name: folder
        for each in plan.candidates
        if (folder := journal.model_folder(each)).exists()
    }
    if not (plan.recipe.evaluation.inside and folders):
        return
    reporter.note(f"looking inside {counted(len(folders), 'candidate')} …")
    worst = tuple(build_context([tracked], comparison).worst_rows)
    for found in _looks(plan, folders, worst, engine):
        if found.inside:
            study.log_inside(found.inside)
        for reason in found.errors:
            reporter.note(
                f"{found.candidate} could not be looked into ({reason}). "
                f"To see why: dlrun inside {tracked.name} {found.candidate}"
            )


def _looks(
    plan: StudyPlan, folders: Mapping[str, Path], worst: tuple[int, ...], engine: Engine
) -> Iterator[Look]:
    """Yield the looks; those of networks that several processes have trained are taken here."""
    jobs = [_job(plan, each, folders, worst) for each in plan.candidates if each.name in folders]
    apart = [job for job in jobs if not is_joint(plan, job.candidate)]
    for _, found in run_strands(engine, map(_strand, apart), lambda _number, _epoch: None):
        yield found
    for job in jobs:
        if job not in apart:
            yield job.run(plan.dataset, always_continue, threads=None)


def _job(
    plan: StudyPlan, candidate: Candidate, folders: Mapping[str, Path], worst: tuple[int, ...]
) -> LookJob:
    splits = plan.splits.splits
    return LookJob(
        candidate,
        folders,
        splits[-1],
        plan.metrics[0],
        plan.recipe.preprocessing,
        rows_of_last_split(len(splits)),
        plan.recipe.tracking.excerpt,
        worst,
    )


def _strand(job: LookJob) -> Strand[Look]:
    found: Look = yield job
    return found
