"""Checks of an architecture or a baseline, built in or the user's own, as a candidate."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.catalog.tasks import TASKS
from dlrun.contract.candidate import Candidate
from dlrun.contract.dataset import Dataset
from dlrun.recipe.load import parse_recipe
from dlrun.recipe.schema import Recipe
from dlrun.testing.candidates import CANDIDATE_CHECKS, NETWORK_CHECKS, CandidateCase
from dlrun.testing.errors import run_all
from dlrun.testing.samples import SAMPLES

TRAINING: Final = {
    "epochs": 20,
    "learning_rate": 2e-2,
    "precision": "float32",
    "deterministic": True,
}
NO_SETTINGS: Final[Mapping[str, object]] = {}


def check_architecture(
    architecture: str,
    settings: Mapping[str, object] = NO_SETTINGS,
    *,
    folder: Path = Path(),
    trusted: Iterable[str] = (),
) -> None:
    """Check an architecture on a sample of each kind of column that it is made for.

    Args:
        architecture: its name, or module:function.
        settings: of the architecture; small ones are quick.
        folder: where the module of a function is.
        trusted: modules that it may come from instead.

    Raises:
        CheckError: a promise is broken.
        DlrunError: it cannot be built.
    """
    for case in architecture_cases(architecture, settings, folder=folder, trusted=trusted):
        run_all(NETWORK_CHECKS, case)


def check_baseline(
    kind: str, settings: Mapping[str, object] = NO_SETTINGS, *, trusted: Iterable[str] = ()
) -> None:
    """Check a baseline on a table, for each task that it does.

    Args:
        kind: its name, or the path of a class, package.module.Class.
        settings: of the estimator.
        trusted: modules that the class may come from, beside the known packages.

    Raises:
        CheckError: a promise is broken.
        DlrunError: it cannot be built.
    """
    for case in baseline_cases(kind, settings, trusted=trusted):
        run_all(CANDIDATE_CHECKS, case)


def architecture_cases(
    architecture: str,
    settings: Mapping[str, object],
    *,
    folder: Path = Path(),
    trusted: Iterable[str] = (),
) -> Iterator[CandidateCase]:
    """Yield the architecture as a candidate on samples of the kinds of columns that it claims.

    The first sample comes with every task, the others with the first task; the user's own function
    gets a table alone.
    """
    row = ARCHITECTURES.get(architecture)
    model = {"architecture": architecture, **settings}
    recipe = _recipe({"model": model, "training": TRAINING, "baselines": "none"}, folder, trusted)
    samples = [make() for make in SAMPLES.values()] if row else [SAMPLES["table"]()]
    claims = set(row.claims) if row else set()
    fitting = [
        sample
        for sample in samples
        if not claims or {column.type for column in sample.columns} <= claims
    ]
    for place, sample in enumerate(fitting):
        for task in TASKS if place == 0 else [next(iter(TASKS))]:
            yield _deep_case(recipe, sample.dataset(task))


def baseline_cases(
    kind: str, settings: Mapping[str, object], *, trusted: Iterable[str] = ()
) -> Iterator[CandidateCase]:
    """Yield the baseline as a candidate on a table, for every task that it does."""
    from dlrun.classic.candidates import make_candidates
    from dlrun.errors import RecipeError

    own = {"estimator": kind} if "." in kind else {"name": kind}
    recipe, faults = _recipe({"baselines": [{**own, **settings}]}, Path(), trusted), []
    n_cases = 0
    for task in TASKS:
        dataset = SAMPLES["table"]().dataset(task)
        try:
            candidates = make_candidates(recipe, dataset)
        except RecipeError as error:  # it does not do this task, or not with these settings
            faults.append(error)
            continue
        n_cases += 1
        yield CandidateCase(candidates[-1], dataset)
    if not n_cases:
        raise faults[0]


def _deep_case(recipe: Recipe, dataset: Dataset) -> CandidateCase:
    from dlrun.deep.candidates import make_candidates

    candidate: Candidate = make_candidates(recipe, dataset)[0]
    return CandidateCase(candidate, dataset)


def _recipe(sections: Mapping[str, Any], folder: Path, trusted: Iterable[str]) -> Recipe:
    text = json.dumps({"data": {"source": "made", "target": "kind"}, **sections})
    return parse_recipe(text, folder / "check.yaml", trusted=trusted)
