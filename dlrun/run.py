"""The conductor: a recipe in, tracked runs and a verdict out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from dlrun.contract import (
    Candidate,
    Dataset,
    Epoch,
    Measurement,
    Probe,
    Split,
    Splits,
    Study,
    Trial,
    Variation,
)
from dlrun.cost import n_cores, pin_threads
from dlrun.environment import describe_environment
from dlrun.errors import RecipeError
from dlrun.recipe.model import Recipe
from dlrun.recipe.write import absolute_source, digest, short_settings, to_yaml
from dlrun.signals import terminable

if TYPE_CHECKING:
    from dlrun.deep.fit import DeepCandidate
    from dlrun.engineered import EngineeredCandidate
    from dlrun.evidence.comparison import Comparison
    from dlrun.report.progress import Reporter, StudyHeader
    from dlrun.tracking.store import Store
    from dlrun.tracking.study import StudyFacts, StudyRun

    Network = DeepCandidate | EngineeredCandidate


@dataclass(frozen=True)
class Plan:
    """A study before it starts; whatever can be refused has been checked."""

    recipe: Recipe
    dataset: Dataset
    splits: Splits
    metrics: tuple[str, ...]
    classic: tuple[Candidate, ...]
    deep: tuple[Network, ...]
    probes: tuple[Probe, ...]
    variations: tuple[Variation, ...]


@dataclass(frozen=True)
class Outcome:
    """A study that has ended.

    Attributes:
        failed: the candidates that failed on some split.
        url: the study's page, once `dlrun ui` runs.
    """

    study: Study
    comparison: Comparison
    failed: tuple[str, ...]
    url: str


def prepare(recipe: Recipe) -> Plan:
    """Read and split the data and make the candidates, without TensorFlow.

    Raises:
        DataError: the data cannot be used as the recipe says.
        RecipeError: the recipe does not fit the data.
    """
    from dlrun.aspects import make_probes, make_variations
    from dlrun.data.dataset import read_dataset
    from dlrun.data.splits import make_splits

    dataset = read_dataset(recipe)
    splits = make_splits(recipe, dataset)
    metrics = _metrics(recipe, dataset)
    classic = _classic(recipe, dataset)
    deep = _deep(recipe, dataset)
    _check_names(recipe, classic, deep)
    probes = make_probes(recipe.evaluation, dataset)
    variations = make_variations(recipe.evaluation, dataset, splits, recipe.seed)
    return Plan(recipe, dataset, splits, metrics, classic, deep, probes, variations)


def train(recipe: Recipe, reporter: Reporter) -> Outcome:
    """Run a study: every candidate on every split, tracked, then compared.

    Raises:
        DlrunError: the recipe, the data or the store cannot be used.
    """
    # 1 · the data, the splits and the candidates
    pin_threads(n_cores())
    plan = prepare(recipe)

    # 2 · the store
    from dlrun.tracking.leftover import close_dead_runs
    from dlrun.tracking.store import open_store
    from dlrun.tracking.study import StudyRun

    store = open_store(recipe.tracking.uri, experiment=recipe.tracking.experiment or recipe.name)
    closed = close_dead_runs(store)
    reporter.start(_header(plan, store))
    for note in _notes(plan, store, closed):
        reporter.note(note)

    with (
        terminable(),
        TemporaryDirectory(prefix="dlrun-") as scratch,
        StudyRun(store, _facts(plan)) as study,
    ):
        stage = Stage(plan, study, reporter, Path(scratch))
        # 3 · the classic candidates, before TensorFlow takes its memory and threads
        trials = stage.run_classic()
        # 4 · the networks
        trials += stage.run_deep()
        # 5 · the verdict
        outcome = _conclude(study, trials, reporter)
        if study.store.note and study.store.note != store.note:
            reporter.note(study.store.note)
        return outcome


@dataclass(frozen=True)
class Stage:
    """Where the trials of a study run: what they need, and who hears of them."""

    plan: Plan
    study: StudyRun
    reporter: Reporter
    scratch: Path

    def run_classic(self) -> list[Trial]:
        """Run the classic candidates' trials on the recipe's workers."""
        from dlrun.trial import run_trials, run_variations

        plan, done = self.plan, []
        for candidate in plan.classic:
            with self._running(candidate):
                folder, execution = self._folder(candidate), plan.recipe.execution
                trials = run_trials(
                    candidate,
                    plan.dataset,
                    plan.splits.splits,
                    metrics=plan.metrics,
                    folder=folder,
                    execution=execution,
                    probes=plan.probes,
                )
                done += [self._hear(trial) for trial in trials]
                varied = run_variations(
                    candidate,
                    plan.dataset,
                    plan.variations,
                    metric=plan.metrics[0],
                    folder=folder,
                    execution=execution,
                )
                self._hear_variations(candidate, varied)
        return done

    def run_deep(self) -> list[Trial]:
        """Run the networks' trials here, one after the other, and tell every epoch."""
        done = []
        for candidate in self.plan.deep:
            with self._running(candidate):
                done += [self._hear(self._train(candidate, s)) for s in self.plan.splits.splits]
                varied = (
                    self._vary(candidate, number, variation)
                    for number, variation in enumerate(self.plan.variations)
                )
                self._hear_variations(candidate, varied)
        return done

    def _train(self, candidate: Candidate, split: Split) -> Trial:
        from dlrun.trial import run_trial

        def on_epoch(epoch: Epoch) -> None:
            self.reporter.epoch(candidate.name, split, epoch)
            self.study.log_epoch(candidate.name, split, epoch)

        return run_trial(
            candidate,
            self.plan.dataset,
            split,
            metrics=self.plan.metrics,
            folder=self._folder(candidate),
            on_epoch=on_epoch,
            save=split is self.plan.splits.splits[-1],
            probes=self.plan.probes,
        )

    def _vary(
        self, candidate: Candidate, number: int, variation: Variation
    ) -> tuple[Trial, Measurement]:
        from dlrun.trial import run_variation

        place = replace(variation.split, step=number)
        return run_variation(
            candidate,
            self.plan.dataset,
            variation,
            metric=self.plan.metrics[0],
            folder=self._folder(candidate),
            on_epoch=lambda epoch: self.reporter.epoch(_once_more(candidate), place, epoch),
        )

    def _hear_variations(
        self, candidate: Candidate, varied: Iterable[tuple[Trial, Measurement]]
    ) -> None:
        """Show the trials on changed rows as a line of their own, and track what they measured."""
        if not self.plan.variations:
            return
        title = _once_more(candidate)
        self.reporter.begin(title, candidate.family, len(self.plan.variations))
        for number, (trial, measurement) in enumerate(varied):
            self.study.log_measurements([measurement])
            place = replace(trial.split, step=number)
            self.reporter.end(replace(trial, candidate=title, split=place))

    @contextmanager
    def _running(self, candidate: Candidate) -> Iterator[None]:
        name, family = candidate.name, candidate.family
        self.reporter.begin(name, family, len(self.plan.splits.splits))
        self.study.begin_candidate(name, family, candidate.settings)
        yield
        folder = self._folder(candidate)
        self.study.finish_candidate(name, folder if any(folder.iterdir()) else None)

    def _hear(self, trial: Trial) -> Trial:
        self.study.log_trial(trial)
        self.study.log_measurements(trial.measurements)
        self.reporter.end(trial)
        return trial

    def _folder(self, candidate: Candidate) -> Path:
        """Return where a candidate's model is put; that of the last split stays."""
        position = [*self.plan.classic, *self.plan.deep].index(candidate)
        folder = self.scratch / str(position)
        folder.mkdir(exist_ok=True)
        return folder


def _once_more(candidate: Candidate) -> str:
    return f"{candidate.name}, on varied rows"


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
    from dlrun.engineered import engineer

    return engineer(candidates, dataset.columns)


def _metrics(recipe: Recipe, dataset: Dataset) -> tuple[str, ...]:
    from dlrun.metrics import choose

    try:
        return choose(recipe.evaluation.metrics, dataset.target)
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


def _header(plan: Plan, store: Store) -> StudyHeader:
    from dlrun.report.progress import StudyHeader

    target, first = plan.dataset.target, plan.splits.splits[0]
    classes = f" ({len(target.labels)} classes)" if target.labels else ""
    return StudyHeader(
        recipe=plan.recipe.name,
        task=f"{target.task} of {target.name}{classes}",
        metric=plan.metrics[0],
        n_rows=len(plan.dataset),
        columns=Counter(column.type for column in plan.dataset.columns),
        n_splits=len(plan.splits.splits),
        n_train=len(first.train),
        n_validation=len(first.validation),
        n_test=len(first.test),
        devices=f"{n_cores()} CPU cores",
        tracking=store.place,
    )


def _notes(plan: Plan, store: Store, closed: Iterable[str]) -> Iterator[str]:
    from dlrun.data.splits import count_leaked_duplicates

    if store.note:
        yield store.note
    for name in closed:
        yield f"The study {name} was left running by a process that is gone; it is closed now."
    yield from plan.dataset.notes
    if plan.recipe.baselines == "auto":
        from dlrun.classic.auto import choose

        yield from choose(plan.dataset)[1]
    leaked = count_leaked_duplicates(plan.dataset, plan.splits.splits[0])
    if leaked:
        total = len(plan.splits.splits[0].test)
        yield f"{leaked:,} of {total:,} test rows also stand among the training rows (duplicates)."


def _facts(plan: Plan) -> StudyFacts:
    from dlrun.tracking.study import StudyFacts

    recipe, evaluation = plan.recipe, plan.recipe.evaluation
    return StudyFacts(
        recipe=recipe.name,
        recipe_text=to_yaml(recipe, source=absolute_source(recipe)),
        recipe_sha256=digest(recipe),
        source_file=recipe.file,
        description=recipe.description,
        seed=recipe.seed,
        dataset=plan.dataset,
        splits=plan.splits,
        metrics=plan.metrics,
        rope=None if evaluation.rope == "auto" else evaluation.rope,
        params=short_settings(recipe),
        environment=describe_environment(),
        features={each.name: each.features for each in (*plan.classic, *plan.deep)},
    )


def _conclude(study: StudyRun, trials: Iterable[Trial], reporter: Reporter) -> Outcome:
    from dlrun.evidence.compare import compare
    from dlrun.report.plain import to_columns, to_metrics
    from dlrun.tracking.read import find_study

    found = find_study(study.store, study.id)
    comparison = compare([found])
    verdict = comparison.verdict
    study.finish(verdict.sentence, to_columns(comparison), to_metrics(verdict))
    _report(study, found, comparison, reporter)
    failed = dict.fromkeys(trial.candidate for trial in trials if trial.error)
    return Outcome(found, comparison, tuple(failed), study.url)


def _report(study: StudyRun, found: Study, comparison: Comparison, reporter: Reporter) -> None:
    """Add the page and the figures; a fault in drawing them must not cost a finished training."""
    from dlrun.report.figures import draw_figures
    from dlrun.report.findings import gather
    from dlrun.report.html import page

    try:
        findings = gather([found], comparison)
        written, figures = page(findings), draw_figures(findings)
    except Exception as error:  # it is a bug, and the command in the note shows all of it
        reporter.note(
            f"report.html could not be written ({type(error).__name__}: {error}). "
            f"To see why: dlrun compare {found.name} --html report.html"
        )
        return
    study.log_report(written, figures)
