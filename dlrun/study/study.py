"""The conductor: a recipe in, tracked runs and a verdict out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from dlrun.contract.candidate import Candidate
from dlrun.contract.dataset import Dataset, Splits
from dlrun.contract.study import Study
from dlrun.contract.trial import Trial
from dlrun.errors import RecipeError
from dlrun.recipe.schema import Recipe
from dlrun.recipe.write import absolute_source, recipe_digest, short_settings, to_yaml
from dlrun.study.candidate_runner import CandidateRunner, StudyPlan
from dlrun.study.resume import Journal, open_journal
from dlrun.study.workers import broadcast_task, lead, run_worker
from dlrun.system.cost import n_cores, pin_threads
from dlrun.system.environment import describe_environment
from dlrun.system.signals import raise_on_sigterm

if TYPE_CHECKING:
    from dlrun.evidence.comparison import Comparison
    from dlrun.report.progress import Reporter, StudyHeader
    from dlrun.study.candidate_runner import Network
    from dlrun.tracking.facts import StudyFacts
    from dlrun.tracking.store import Store
    from dlrun.tracking.study import StudyRun


@dataclass(frozen=True)
class StudyOutcome:
    """A study that has ended.

    Attributes:
        failed: the candidates that failed on some split → why, the first time.
        url: the study's page, once `dlrun ui` runs.
    """

    study: Study
    comparison: Comparison
    failed: Mapping[str, str]
    url: str


def prepare(recipe: Recipe) -> StudyPlan:
    """Read and split the data and make the candidates, without TensorFlow.

    Raises:
        DataError: the data cannot be used as the recipe says.
        RecipeError: the recipe does not fit the data.
    """
    from dlrun.data.dataset import read_dataset
    from dlrun.data.splits.make import make_splits
    from dlrun.study.protocols import make_probes, make_variations
    from dlrun.study.trial import check_engine

    check_engine(recipe.execution)
    dataset = read_dataset(recipe)
    splits = make_splits(recipe, dataset)
    metrics = _metrics(recipe, dataset)
    classic = _classic(recipe, dataset)
    deep = _deep(recipe, dataset)
    _check_names(recipe, classic, deep)
    dataset = _telling_of_samples(dataset, splits, classic)
    probes = make_probes(recipe.evaluation, dataset)
    variations = make_variations(recipe.evaluation, dataset, splits, recipe.seed)
    return StudyPlan(recipe, dataset, splits, metrics, classic, deep, probes, variations)


def train(recipe: Recipe, reporter: Reporter, *, fresh: bool = False) -> StudyOutcome:
    """Run a study: every candidate on every split, tracked, then compared.

    A study that was stopped in any way goes on: what it has trained is taken from its journal.

    Args:
        recipe: says what is trained.
        reporter: is told how it goes.
        fresh: train everything anew.

    Raises:
        DlrunError: the recipe, the data or the store cannot be used, or another process trains
            this very study; or a worker is lost that trains with this one.
    """
    # 1 · the data, the splits and the candidates
    pin_threads(n_cores())
    plan = prepare(recipe)

    # 2 · the store, and what was trained before
    from dlrun.tracking.orphaned_runs import close_dead_runs
    from dlrun.tracking.store import open_store
    from dlrun.tracking.study import StudyRun, unfinished

    store = open_store(recipe.tracking.uri, experiment=recipe.tracking.experiment or recipe.name)
    with raise_on_sigterm(), _journal(plan, store, fresh=fresh) as journal:
        closed = close_dead_runs(store)
        before = unfinished(store, journal.run_id)
        reporter.start(_header(plan, store))
        for note in _notes(plan, store, closed, journal):
            reporter.note(note)

        with StudyRun(store, _facts(plan), before) as study:
            journal.begin(study.id)
            # 3 · the trials; TensorFlow takes its memory and threads after the classic ones
            stage = CandidateRunner(plan, study, reporter, journal, partial(broadcast_task, plan))
            trials = [trial for each in plan.classic for trial in stage.run(each)]
            with lead(plan, reporter.note):
                trials += [trial for each in plan.deep for trial in stage.run(each)]
            # 4 · the verdict
            outcome = _conclude(study, trials, reporter)
            if study.store.note and study.store.note != store.note:
                reporter.note(study.store.note)
        if not outcome.failed:
            journal.clear()
        return outcome


def follow(recipe: Recipe) -> None:
    """Take part in the trainings of a study that another process leads; track and save nothing.

    Raises:
        DlrunError: the recipe or the data cannot be used, or a worker is lost.
    """
    pin_threads(n_cores())
    run_worker(prepare(recipe))


def _journal(plan: StudyPlan, store: Store, *, fresh: bool) -> AbstractContextManager[Journal]:
    stream = plan.dataset.stream  # whose parts the rows in memory do not tell of
    return open_journal(
        plan.recipe,
        plan.candidates,
        data_digest=plan.dataset.digest + (stream.digest if stream else ""),
        store=f"{store.stands_in_for or store.place} {store.experiment}",
        metrics=plan.metrics,
        fresh=fresh,
    )


def _classic(recipe: Recipe, dataset: Dataset) -> tuple[Candidate, ...]:
    if recipe.baselines == "none":  # spares a study of networks most of scikit-learn
        return ()
    from dlrun.classic.candidates import make_candidates

    return tuple(make_candidates(recipe, dataset))


def _deep(recipe: Recipe, dataset: Dataset) -> tuple[Network, ...]:
    from dlrun.deep.candidates import make_candidates

    candidates = make_candidates(recipe, dataset)
    if not any(model.features for model in recipe.model):
        return tuple(candidates)
    from dlrun.study.feature_networks import with_features

    return with_features(candidates, dataset.columns)


def _telling_of_samples(
    dataset: Dataset, splits: Splits, classic: tuple[Candidate, ...]
) -> Dataset:
    """Add to the notes which candidates learn from a sample of streamed rows."""
    if dataset.stream is None or not classic:
        return dataset
    from dlrun.classic.candidates import learning_from_sample

    said = learning_from_sample(classic, dataset, len(splits.splits[0].train))
    return replace(dataset, notes=(*dataset.notes, *said))


def _metrics(recipe: Recipe, dataset: Dataset) -> tuple[str, ...]:
    from dlrun.metrics.scores import choose_metrics

    try:
        return choose_metrics(recipe.evaluation.metrics, dataset.target)
    except ValueError as error:
        message = f"{recipe.at('evaluation.metrics')}: {error}"
        raise RecipeError(message) from error


def _check_names(recipe: Recipe, classic: Iterable[Candidate], deep: Iterable[Candidate]) -> None:
    names = {candidate.name for candidate in classic}
    if not names and not recipe.model:
        message = f"{recipe.at('model')}: there is no model and no baseline. Add one"
        raise RecipeError(message)
    for position, candidate in enumerate(deep):
        if candidate.name in names:
            message = (
                f"{recipe.at(f'model.{position}.name')}: a baseline is called "
                f"{candidate.name!r} as well. Give the model a name of its own"
            )
            raise RecipeError(message)


def _header(plan: StudyPlan, store: Store) -> StudyHeader:
    from dlrun.data.splits.make import sizes
    from dlrun.data.targets import target_kind
    from dlrun.report.progress import StudyHeader

    target, stream = plan.dataset.target, plan.dataset.stream
    n_train, n_validation, n_test = sizes(plan.dataset, plan.splits.splits[0])
    return StudyHeader(
        recipe=plan.recipe.name,
        task=target_kind(target.task).title(target),
        metric=plan.metrics[0],
        n_rows=sum(stream.sizes) if stream else len(plan.dataset),
        columns=Counter(column.type for column in plan.dataset.columns),
        n_splits=len(plan.splits.splits),
        n_train=n_train,
        n_validation=n_validation,
        n_test=n_test,
        devices=f"{n_cores()} CPU cores",
        tracking=store.place,
    )


def _notes(plan: StudyPlan, store: Store, closed: Iterable[str], journal: Journal) -> Iterator[str]:
    from dlrun.data.splits.make import duplicate_warnings

    if store.note:
        yield store.note
    for name in closed:
        yield f"The study {name} was left running by a process that is gone; it is closed now."
    n_kept = journal.n_kept(plan.candidates, plan.splits.splits)
    if n_kept:
        total = len(plan.candidates) * len(plan.splits.splits)
        yield f"Going on: {n_kept} of {total} trials are done already (--fresh trains them anew)."
    yield from plan.dataset.notes
    if plan.recipe.baselines == "auto":
        from dlrun.classic.defaults import choose_baselines

        yield from choose_baselines(plan.dataset)[1]
    yield from duplicate_warnings(plan.dataset, plan.splits.splits[0])


def _facts(plan: StudyPlan) -> StudyFacts:
    from dlrun.tracking.facts import StudyFacts

    recipe, evaluation = plan.recipe, plan.recipe.evaluation
    return StudyFacts(
        recipe=recipe.name,
        recipe_text=to_yaml(recipe, source=absolute_source(recipe)),
        recipe_sha256=recipe_digest(recipe),
        source_file=recipe.file,
        description=recipe.description,
        seed=recipe.seed,
        dataset=plan.dataset,
        splits=plan.splits,
        metrics=plan.metrics,
        rope=None if evaluation.rope == "auto" else evaluation.rope,
        params=short_settings(recipe),
        environment=describe_environment(),
        features={each.name: each.features for each in plan.candidates},
    )


def _conclude(study: StudyRun, trials: Iterable[Trial], reporter: Reporter) -> StudyOutcome:
    from dlrun.evidence.compare import compare
    from dlrun.report.plain import to_columns, to_metrics
    from dlrun.tracking.read import find_study

    found = find_study(study.store, study.id)
    comparison = compare([found])
    verdict = comparison.verdict
    study.finish(verdict.sentence, to_columns(comparison), to_metrics(verdict))
    _report(study, found, comparison, reporter)
    failed: dict[str, str] = {}
    for trial in trials:
        if trial.error:
            failed.setdefault(trial.candidate, trial.error)
    return StudyOutcome(found, comparison, failed, study.url)


def _report(study: StudyRun, found: Study, comparison: Comparison, reporter: Reporter) -> None:
    """Add the page and the figures; a fault in drawing them must not cost a finished training."""
    from dlrun.report.context import build_context
    from dlrun.report.figures import draw_figures
    from dlrun.report.page import page

    try:
        findings = build_context([found], comparison)
        written, figures = page(findings), draw_figures(findings)
    except Exception as error:  # it is a bug, and the command in the note shows all of it
        reporter.note(
            f"report.html could not be written ({type(error).__name__}: {error}). "
            f"To see why: dlrun compare {found.name} --html report.html"
        )
        return
    study.log_report(written, figures)
