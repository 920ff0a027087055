"""dlrun from Python: the verbs train, compare and load, with results for a notebook."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.errors import UsageError
from dlrun.system.terminal import open_console

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.study import Study
    from dlrun.data.model_io import SavedModel
    from dlrun.evidence.comparison import Comparison, Verdict
    from dlrun.tracking.store import Store


@dataclass(frozen=True)
class StudyResult:
    """Tracked studies and what comparing their candidates shows.

    Attributes:
        failed: the candidates that failed in the training that made this result → why.
    """

    studies: tuple[Study, ...]
    comparison: Comparison
    store: Store = field(repr=False)
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Return the verdict: its kind, its sentence and its numbers."""
        return self.comparison.verdict

    @property
    def table(self) -> pd.DataFrame:
        """Return the candidates, best first, with scores, differences and costs."""
        import pandas as pd

        from dlrun.report.plain import to_columns

        return pd.DataFrame(to_columns(self.comparison))

    def predictions(self, candidate: str) -> pd.DataFrame:
        """Return the test predictions of a candidate, as `Study.read_predictions` does.

        Raises:
            UsageError: there is no such candidate.
        """
        study, name = self._find(candidate)
        return study.read_predictions(name)

    def model(self, candidate: str | None = None) -> SavedModel:
        """Return a trained model, whose `predict` takes raw rows as a DataFrame.

        Args:
            candidate: its name; None: the one whose model the study keeps, else the one that the
                verdict says to use.

        Raises:
            UsageError: there is no such candidate, or its model was not kept.
        """
        from dlrun.data.model_io import load
        from dlrun.tracking.stored_model import find_model

        kept = self.studies[0].kept if len(self.studies) == 1 else None
        chosen = kept.candidate if kept else self.comparison.to_use
        study, name = self._find(candidate or chosen or "")
        return load(find_model(self.store, study.id, name).folder)

    def to_html(self) -> str:
        """Return the whole report as one HTML page."""
        from dlrun.report.page import to_html

        return to_html(self.studies, self.comparison)

    def _find(self, candidate: str) -> tuple[Study, str]:
        """Return the study of a candidate, and the candidate's name in it."""
        owners = [
            (study, name) for study in self.studies for name in study.trials["candidate"].unique()
        ]
        for study, name in owners:
            if candidate in (name, f"{study.name}/{name}"):
                return study, name
        names = ", ".join(name for _, name in owners)
        message = f"{candidate!r} is not a candidate. There are: {names}"
        raise UsageError(message)

    def _repr_html_(self) -> str:
        """Show the report in a frame of its own, so that the notebook's style is left alone."""
        page = escape(self.to_html())
        return f'<iframe srcdoc="{page}" style="border:0;width:100%;height:40rem"></iframe>'


def train(
    recipe: str | Path | Mapping[str, Any],
    *,
    fresh: bool = False,
    refit: str | None = None,
    quiet: bool = False,
    trust_modules: Collection[str] = (),
    **overrides: object,
) -> StudyResult:
    """Train every candidate of a recipe on the same splits, track them, and compare.

    Args:
        recipe: a YAML file, or its content as a mapping; paths in a mapping start here.
        fresh: train anew what an earlier, stopped study has trained.
        refit: the candidate that is trained on all rows in the end and whose model is kept.
        quiet: print nothing.
        trust_modules: installed modules that the recipe may import, beside those in its folder.
        overrides: recipe keys, with two underscores for a dot: `training__epochs=5`.

    Raises:
        DlrunError: the recipe, the data or the store cannot be used.
    """
    from dlrun.recipe.load import load_recipe, parse_recipe
    from dlrun.report.progress import choose_reporter
    from dlrun.study.study import train as run
    from dlrun.tracking.store import open_store

    settings = [f"{key.replace('__', '.')}={json.dumps(value)}" for key, value in overrides.items()]
    if isinstance(recipe, Mapping):
        loaded = parse_recipe(
            json.dumps(recipe), Path("recipe.yaml"), settings, trusted=trust_modules
        )
    else:
        loaded = load_recipe(Path(recipe), settings, trusted=trust_modules)
    reporter = choose_reporter(open_console(), quiet=quiet)
    try:
        outcome = run(loaded, reporter, fresh=fresh, refit=refit)
    finally:
        reporter.close()
    store = open_store(loaded.tracking.uri, create=False)
    return StudyResult((outcome.study,), outcome.comparison, store, outcome.failed)


def compare(*studies: str, metric: str | None = None, uri: str | None = None) -> StudyResult:
    """Compare the candidates of tracked studies on the same splits.

    Args:
        studies: names, run ids or experiments; none: the latest study.
        metric: the one to compare; default: the primary metric.
        uri: of the MLflow store; default: MLFLOW_TRACKING_URI, else mlflow.db here.

    Raises:
        UsageError: there is no such study.
        ComparisonError: the studies did not train and test on the same rows.
    """
    from dlrun.evidence.compare import compare as compare_studies
    from dlrun.tracking.read import find_studies
    from dlrun.tracking.store import open_store

    store = open_store(uri, create=False)
    found = find_studies(store, studies)
    return StudyResult(found, compare_studies(found, metric), store)


def load(study: str = "last", *, uri: str | None = None) -> StudyResult:
    """Read a tracked study back, as `compare` does.

    >>> import dlrun
    >>> dlrun.load("last").verdict.sentence  # doctest: +SKIP
    'Classic ML: hist_gradient_boosting beats mlp by 0.042 ROC AUC …'

    Raises:
        UsageError: there is no such study.
    """
    return compare(study, uri=uri)
