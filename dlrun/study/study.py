"""A study from start to end: data, store, trials, verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from dlrun.contract.search import SearchBudget
from dlrun.contract.study import Study
from dlrun.contract.trial import Trial
from dlrun.deep.distributed.worker import this_worker
from dlrun.errors import RecipeError, TrackingError
from dlrun.recipe.schema import Recipe
from dlrun.recipe.write import absolute_source, recipe_digest, short_settings, to_yaml
from dlrun.study.plan import StudyPlan, prepare
from dlrun.study.workers import broadcast_task, lead, run_worker
from dlrun.system.cost import n_cores, pin_threads
from dlrun.system.environment import describe_environment
from dlrun.system.signals import raise_on_signals

if TYPE_CHECKING:
    from pathlib import Path

    from dlrun.evidence.comparison import Comparison
    from dlrun.report.progress import Reporter, StudyHeader
    from dlrun.study.budget import Cut
    from dlrun.study.engines.engine import Engine
    from dlrun.study.final_model import FinalModels
    from dlrun.study.outlook import Outlook
    from dlrun.study.resume import Journal
    from dlrun.tracking.facts import StudyFacts
    from dlrun.tracking.store import Store
    from dlrun.tracking.study import StudyRun


@dataclass(frozen=True)
class StudyOutcome:
    """A study that has ended.

    Attributes:
        failed: candidate → why it failed on some split, the first time.
        url: the study's page, while `dlrun ui` runs.
    """

    study: Study
    comparison: Comparison
    failed: Mapping[str, str]
    url: str


def train(
    recipe: Recipe, reporter: Reporter, *, fresh: bool = False, refit: str | None = None
) -> StudyOutcome:
    """Run a study: every candidate on every split, tracked, then compared.

    A study that was stopped is resumed: what it has trained is read from its journal.

    Args:
        recipe: what is trained.
        reporter: shows the progress.
        fresh: ignore the journal of a stopped study.
        refit: the candidate that is trained on all rows and whose model is kept; None: as the
            recipe and the verdict say.

    Raises:
        DlrunError: the recipe, the data or the store cannot be used, another process trains this
            very study, or a worker that trains with this one is lost.
    """
    # 1 · data, splits and candidates
    reporter.note(f"reading the data of {recipe.name} …")  # the next word takes seconds
    pin_threads()
    plan = prepare(recipe)
    from dlrun.study.final_model import FinalModels, check_wanted

    check_wanted(plan, refit)

    # 2 · the store, and what was trained before
    from dlrun.study.blend import run_blend
    from dlrun.study.inside.stage import look_inside
    from dlrun.study.outlook import make_outlook
    from dlrun.study.resume import journal_folder
    from dlrun.tracking.orphaned_runs import close_dead_runs
    from dlrun.tracking.store import open_store
    from dlrun.tracking.study import StudyRun, to_reopen

    store = open_store(recipe.tracking.uri, experiment=recipe.tracking.experiment or recipe.name)
    asked, identity = plan.recipe, _identity(plan, store)
    folder = journal_folder(asked, *identity)
    plan, cut = _keep_budget(recipe, plan, folder, reporter, fresh=fresh)
    with raise_on_signals(), _journal(asked, plan, identity, fresh=fresh) as journal:
        if cut:
            journal.keep_cut(asdict(cut))
        orphaned = close_dead_runs(store)
        before = to_reopen(store, journal.run_id)
        reporter.start(_header(plan, store, journal, make_outlook(plan, cut, store)))
        for note in _notes(plan, store, orphaned, journal):
            reporter.note(note)

        with StudyRun(store, _facts(plan), before) as study, _engine(plan, folder) as engine:
            journal.begin(study.id)
            # 3 · the trials
            trials = _run_candidates(plan, study, reporter, journal, engine)
            trials += run_blend(plan, study, journal, trials, reporter.note)
            # 4 · the verdict
            tracked, comparison = _conclude(study)
            # 5 · a look inside the models
            look_inside(plan, study, tracked, comparison, reporter, journal, engine)
            # 6 · the model to keep, and the report
            models = FinalModels(plan, study, reporter, journal, engine, refit)
            outcome = _keep(models, trials, tracked, comparison)
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
    pin_threads()
    run_worker(prepare(recipe))


def _identity(plan: StudyPlan, store: Store) -> tuple[str, str]:
    """Return what a study's journal is of, beside its recipe: the digest of the data, the store."""
    stream = plan.dataset.stream  # the dataset's digest does not cover its split
    digest = plan.dataset.digest + (stream.digest if stream else "")
    return digest, f"{store.stands_in_for or store.place} {store.experiment}"


def _journal(
    asked: Recipe, plan: StudyPlan, identity: tuple[str, str], *, fresh: bool
) -> AbstractContextManager[Journal]:
    """Open the journal of the study that was asked for; its candidates may be cut."""
    from dlrun.study.resume import open_journal

    return open_journal(
        asked,
        plan.candidates,
        *identity,
        metrics=plan.metrics,
        fresh=fresh,
        searches={name: search.digest for name, search in plan.searches.items()},
    )


def _keep_budget(
    recipe: Recipe, plan: StudyPlan, journal: Path, reporter: Reporter, *, fresh: bool
) -> tuple[StudyPlan, Cut | None]:
    """Return the plan of a study that is made smaller to keep the recipe's budget.

    A study that goes on is cut as it was before, whatever the machine does meanwhile.
    """
    if recipe.budget is None:
        return plan, None
    if this_worker():
        message = f"{recipe.at('budget')}: workers that train together keep no budget. Leave it out"
        raise RecipeError(message)
    from dlrun.study.apart import time_apart
    from dlrun.study.budget import Cut, choose_cut, cut_plan
    from dlrun.study.resume import recall_cut

    before = None if fresh else recall_cut(journal)
    if before:
        cut = Cut.read(before)
    else:
        reporter.note("timing a few fits, to keep the budget …")
        cut = choose_cut(recipe, plan, time_apart(recipe))
    return cut_plan(recipe, plan, cut), cut


def _engine(plan: StudyPlan, journal: Path) -> AbstractContextManager[Engine]:
    from dlrun.study.engines.engine import open_engine

    announce = partial(broadcast_task, plan)
    return open_engine(plan.recipe.execution, plan.dataset, journal, announce)


def _run_candidates(
    plan: StudyPlan, study: StudyRun, reporter: Reporter, journal: Journal, engine: Engine
) -> list[Trial]:
    """Run the classic candidates, then the networks: TensorFlow takes its memory for good."""
    from dlrun.study.candidate_runner import CandidateRunner

    with ExitStack() as joint:

        def before_networks() -> None:
            joint.enter_context(lead(plan, reporter.note))
            if plan.recipe.execution.is_in_process:
                _note_idle_gpus(reporter)

        return CandidateRunner(plan, study, reporter, journal, engine, before_networks).run()


def _note_idle_gpus(reporter: Reporter) -> None:
    """Say why the GPUs that the header names are not used, if TensorFlow cannot use them."""
    from dlrun.system.gpus import gpu_names

    if not gpu_names():
        return
    from dlrun.deep.distributed.devices import why_idle

    reporter.note("starting TensorFlow …")
    if reason := why_idle():
        reporter.note(f"The networks are trained on the CPU: {reason}")


def _header(plan: StudyPlan, store: Store, journal: Journal, outlook: Outlook) -> StudyHeader:
    from dlrun.data.splits.make import sizes
    from dlrun.data.targets import target_kind
    from dlrun.report.progress import StudyHeader
    from dlrun.study.candidate_runner import planned_trials
    from dlrun.study.size import count_final
    from dlrun.system.gpus import describe_devices, gpu_names

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
        devices=describe_devices(gpu_names()) if plan.networks else f"{n_cores()} CPU cores",
        tracking=store.place,
        fits=outlook.fits,
        expected=outlook.expected,
        plan=tuple(planned_trials(plan, journal, outlook.units)),
        n_workers=plan.recipe.execution.workers,
        n_final=count_final(plan),
    )


def _notes(
    plan: StudyPlan, store: Store, orphaned: Iterable[str], journal: Journal
) -> Iterator[str]:
    if store.note:
        yield store.note
    for name in orphaned:
        yield f"The study {name} was left running by a process that is gone; it is closed now."
    n_kept = journal.n_kept(plan.candidates, plan.splits.splits)
    if n_kept:
        total = len(plan.candidates) * len(plan.splits.splits)
        yield f"Going on: {n_kept} of {total} trials are done already (--fresh trains them anew)."
    yield from map(str, plan.dataset.notes)


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
        muted=tuple(recipe.notes.ignore),
        search_budget=_search_budget(recipe),
    )


def _search_budget(recipe: Recipe) -> SearchBudget | None:
    search = recipe.search
    return SearchBudget(search.n_trials, search.seconds) if search else None


def _conclude(study: StudyRun) -> tuple[Study, Comparison]:
    from dlrun.evidence.compare import compare
    from dlrun.evidence.label_curve import label_curves
    from dlrun.report.plain import to_columns, to_metrics
    from dlrun.tracking.read import find_study

    tracked = find_study(study.store, study.id)
    comparison = compare([tracked])
    verdict = comparison.verdict
    labels = label_curves(tracked)
    needed = labels.sentences if labels else ()
    words = "\n\n".join([verdict.sentence, *needed, *map(str, comparison.notes)])
    study.finish(words, to_columns(comparison), to_metrics(verdict))
    return tracked, comparison


def _keep(
    models: FinalModels, trials: Sequence[Trial], tracked: Study, comparison: Comparison
) -> StudyOutcome:
    from dlrun.evidence.compare import kept_models
    from dlrun.report.context import build_context

    kept = models.keep(build_context([tracked], comparison), trials)
    tracked = replace(tracked, kept=kept)
    comparison = replace(comparison, kept=kept_models([tracked]))
    _report(models.study, models.plan, tracked, comparison, models.reporter)
    failed: dict[str, str] = {}
    for trial in trials:
        if trial.error:
            failed.setdefault(trial.candidate, trial.error)
    return StudyOutcome(tracked, comparison, failed, models.study.url)


def _report(
    study: StudyRun,
    plan: StudyPlan,
    tracked: Study,
    comparison: Comparison,
    reporter: Reporter,
) -> None:
    """Log an excerpt, the page and figures; an error in making them does not fail the study."""
    from dlrun.data.excerpt import make_excerpt
    from dlrun.report.context import build_context
    from dlrun.report.figures import draw_figures
    from dlrun.report.page import render_page

    try:
        context = build_context([tracked], comparison)
        if plan.recipe.tracking.excerpt:
            study.log_excerpt(make_excerpt(plan.dataset, context.worst_rows))
        html, figures = render_page(context), draw_figures(context)
    except TrackingError:
        raise
    except Exception as error:  # a bug; the command in the note shows its traceback
        reporter.note(
            f"report.html could not be written ({type(error).__name__}: {error}). "
            f"To see why: dlrun compare {tracked.name} --html report.html"
        )
        return
    study.log_report(html, figures)
