"""A study of several processes: the chief announces each training, the others take part."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dlrun.catalog.strategies import STRATEGIES
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset, Split
from dlrun.deep.distributed.worker import this_worker
from dlrun.errors import ClusterError
from dlrun.recipe.write import recipe_digest
from dlrun.system.environment import versions

if TYPE_CHECKING:
    from dlrun.contract.candidate import Candidate
    from dlrun.deep.distributed.collective import CollectiveGroup, TrainingTask
    from dlrun.study.plan import StudyPlan
    from dlrun.study.trial import TrialTask

log = logging.getLogger(__name__)

SAME_VERSIONS: Final = ("dlrun", "tensorflow", "keras", "numpy")


@contextmanager
def lead(plan: StudyPlan, note: Callable[[str], None]) -> Iterator[None]:
    """Lead the other workers, where there are any, through the trainings within.

    Args:
        plan: of the study, which must be the same on all.
        note: called with a sentence for the user.

    Raises:
        ClusterError: a worker cannot be reached.
        UsageError: a worker was started differently.
    """
    worker = this_worker()
    if worker is None:
        yield
        return
    note(f"Waiting for the other workers: {worker.n_workers - 1}")
    group = _checked_group(plan)
    yield
    from dlrun.deep.distributed.collective import END

    group.broadcast_task(END)


def broadcast_task(plan: StudyPlan, task: TrialTask) -> None:
    """Announce a network's training to the other workers, where they have a part in it."""
    if not is_joint(plan, task.candidate):
        return
    position = _names(plan).index(task.candidate.name)
    from dlrun.deep.distributed.collective import TrainingTask

    _group().broadcast_task(TrainingTask(position, task.condition is not None, task.number))


def run_worker(plan: StudyPlan) -> None:
    """Take part in the trainings that the chief announces, until the end of the study.

    A training that fails, fails on all workers; the chief reports it.

    Raises:
        ClusterError: the chief or another worker is lost.
        UsageError: the chief was started differently.
    """
    for task in _checked_group(plan).receive_tasks():
        dataset, split = _rows(plan, task)
        train, validation = dataset.take(split.train), dataset.take(split.validation)
        candidate = plan.networks[task.candidate]
        try:
            candidate.fit(train, validation, FitContext(split.seed))
        except ClusterError:
            raise
        except Exception as error:  # of a library, or of the user's network
            log.warning("%s: %s", candidate.name, error)


def _checked_group(plan: StudyPlan) -> CollectiveGroup:
    group = _group()
    known = {name: version for name, version in versions().items() if name in SAME_VERSIONS}
    group.check_same_config(
        f"{recipe_digest(plan.recipe)} {plan.dataset.digest} {plan.splits.digest} {known}"
    )
    return group


def _group() -> CollectiveGroup:
    from dlrun.deep.distributed.collective import worker_group  # connects to the others

    return worker_group()


def is_joint(plan: StudyPlan, candidate: Candidate) -> bool:
    """Return whether other processes have a part in the training of a candidate."""
    if this_worker() is None or candidate.name not in _names(plan):
        return False
    model = plan.recipe.models[_names(plan).index(candidate.name)]
    return STRATEGIES[plan.recipe.training_of(model).strategy].joins_workers


def _names(plan: StudyPlan) -> list[str]:
    return [each.name for each in plan.networks]


def _rows(plan: StudyPlan, task: TrainingTask) -> tuple[Dataset, Split]:
    if not task.is_retraining:
        return plan.dataset, plan.splits.splits[task.number]
    condition = plan.conditions[task.number]
    return condition.change(plan.dataset), condition.split
