"""Studies whose answer is known, run to check that dlrun finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from dlrun.recipe.examples import shipped_recipes
from dlrun.recipe.load import load_recipe
from dlrun.study.verdict_checks import CHECKS, Finding

if TYPE_CHECKING:
    from dlrun.study.study import StudyOutcome


Expectation = Callable[["StudyOutcome"], tuple[str, str, bool]]
"""An outcome → the expectation, the measurement, whether the expectation is met."""


@dataclass(frozen=True)
class KnownAnswerStudy:
    """A study with a known answer.

    Attributes:
        recipe: name of a shipped recipe.
        settings: overrides.
        expectations: all must be met.
        quick: overrides that make it short; None where it is not part of the quick test.
    """

    name: str
    recipe: str
    settings: tuple[str, ...]
    expectations: tuple[Expectation, ...]
    quick: tuple[str, ...] | None = ()


def run_known_answers(*, quick: bool) -> Iterator[list[Finding]]:
    """Check the verdict on simulated studies, then run the known ones in a temporary store.

    Yields the findings of one study after the other.

    Args:
        quick: run the short form of those that have one.
    """
    for check in CHECKS:
        yield [check()]
    for study in KNOWN_ANSWERS:
        if not quick or study.quick is not None:
            yield list(_find(study, study.quick or () if quick else ()))


def _find(study: KnownAnswerStudy, quick: Sequence[str]) -> Iterator[Finding]:
    from dlrun.report.progress import Reporter
    from dlrun.study.study import train

    paths = {path.stem: path for path in shipped_recipes()}
    with TemporaryDirectory(prefix="dlrun-") as folder:
        store = f"tracking.uri=sqlite:///{Path(folder, 'mlflow.db')}"
        recipe = load_recipe(paths[study.recipe], (*study.settings, *quick, store))
        outcome = train(recipe, Reporter())
        for expect in study.expectations:
            yield Finding(study.name, *expect(outcome))


def _verdict(*allowed: str) -> Expectation:
    """Expect one of these verdicts."""

    def check(outcome: StudyOutcome) -> tuple[str, str, bool]:
        kind = outcome.comparison.verdict.kind
        expected = "not deep" if "deep" not in allowed else " or ".join(allowed)
        return f"verdict {expected}", kind, kind in allowed

    return check


def _score(candidate: str, metric: str, low: float, high: float = float("inf")) -> Expectation:
    """Expect a candidate's mean test score within bounds."""

    def check(outcome: StudyOutcome) -> tuple[str, str, bool]:
        rows = {row.name: row for row in outcome.comparison.rows}
        score = rows[candidate].scores.get(metric, float("nan"))
        upper = f" and ≤ {high:g}" if high != float("inf") else ""
        return f"{candidate} {metric} ≥ {low:g}{upper}", f"{score:.3f}", low <= score <= high

    return check


def _best_classic(metric: str, low: float, high: float) -> Expectation:
    """Expect the mean test score of the best classic candidate within bounds."""

    def check(outcome: StudyOutcome) -> tuple[str, str, bool]:
        rows = [row for row in outcome.comparison.rows if row.family == "classic"]
        best = max(rows, key=lambda row: row.scores.get(metric, 0.0))
        score = best.scores[metric]
        expected = f"best classic {metric} {low:g} … {high:g}"
        return expected, f"{score:.3f} ({best.name})", low <= score <= high

    return check


def _collapses(candidate: str, most: float) -> Expectation:
    """Expect a candidate's score to fall to `most` when the structure of rows is shuffled."""

    def check(outcome: StudyOutcome) -> tuple[str, str, bool]:
        table = outcome.study.read_probe_scores()
        own = table[(table["candidate"] == candidate) & (table["aspect"] == "shuffle_structure")]
        score = float(own["score"].mean())
        expected = f"{candidate} {outcome.study.metrics[0]} on shuffled steps ≤ {most:g}"
        return expected, f"{score:.3f}", score <= most

    return check


NOT_DEEP: Final = _verdict("classic", "equivalent", "undecided")

KNOWN_ANSWERS: Final = (
    KnownAnswerStudy(
        "breast_cancer", "breast-cancer", (),
        (NOT_DEEP, _score("logistic_regression", "roc_auc", 0.97)),
        ("training.epochs=20",),
    ),
    KnownAnswerStudy(
        "wine", "breast-cancer",
        ("name=wine", "data.source=sklearn:wine", "evaluation.metrics=auto"),
        (NOT_DEEP, _score("logistic_regression", "accuracy", 0.95)),
        ("training.epochs=20",),
    ),
    KnownAnswerStudy(
        "MNIST-1D", "mnist-1d", ("evaluation.stress=[shuffle_structure]",),
        (
            _verdict("deep"), _score("cnn", "accuracy", 0.93),
            _best_classic("accuracy", 0.70, 0.84), _collapses("cnn", 0.75),
        ),
        ("evaluation.folds=1",),
    ),
    KnownAnswerStudy(
        "movie_snippets", "movie-snippets", ("training.epochs=5",),
        (NOT_DEEP, _score("linear-tfidf", "roc_auc", 0.86), _score("text_cnn", "roc_auc", 0.82)),
        ("evaluation.folds=1",),
    ),
    KnownAnswerStudy(
        "flights", "flights", (),
        (_verdict("classic"), _score("hist_gradient_boosting", "roc_auc", 0.75)), None,
    ),
    KnownAnswerStudy(
        "digits", "digits", (),
        (_score("cnn", "accuracy", 0.98), _score("svm-pixels", "accuracy", 0.975)), None,
    ),
    KnownAnswerStudy(
        "japanese_vowels", "japanese-vowels", (),
        (_score("fcn", "accuracy", 0.98), _score("mlp", "accuracy", 0.96)), None,
    ),
)  # fmt: skip
