"""A look inside the candidates of a study that has ended, from their saved models."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from dlrun.contract.candidate import BLEND
from dlrun.contract.study import rows_of_last_split
from dlrun.errors import DataError, UsageError
from dlrun.study.inside.context import InsideContext
from dlrun.study.reread import reread

if TYPE_CHECKING:
    from dlrun.contract.embeddings import Projection
    from dlrun.contract.study import Study
    from dlrun.tracking.store import Store
    from dlrun.tracking.stored_model import StoredModel


def contexts(
    store: Store,
    study: Study,
    candidate: str | None = None,
    *,
    projections: tuple[Projection, ...] = ("pca",),
    trusted: Collection[str] = (),
) -> Iterator[InsideContext]:
    """Yield what looks inside the candidates of a study start from.

    Args:
        store: that has the study.
        study: tracked before.
        candidate: its name; None: every one that has a model, but for the blend of them.
        projections: how embeddings are drawn.
        trusted: modules that the data's source may come from.

    Raises:
        UsageError: there is no such candidate, or it has no model.
        DataError: the data is not what the study was trained on.
    """
    models = _models(store, study, candidate)
    from dlrun.evidence.compare import compare
    from dlrun.report.context import build_context

    data = reread(study, trusted=trusted)
    recipe, splits = data.recipe, data.splits
    if splits is None:
        message = (
            f"{recipe.data.source}: this version of dlrun splits the rows of {study.name} "
            "differently. Train again with evaluation.inside=true"
        )
        raise DataError(message)
    last = rows_of_last_split(len(splits.splits))
    worst = tuple(build_context([study], compare([study])).worst_rows)
    families = study.trials.groupby("candidate")["family"].first()
    for name in [candidate] if candidate else [each for each in models if each != BLEND]:
        rows = models[name].trained_on or last  # earlier versions kept the model of the last split
        yield InsideContext(
            name,
            families[name],
            {other: model.folder for other, model in models.items()},
            data.dataset,
            splits.splits[-1],
            study.metrics[0],
            recipe.preprocessing,
            rows,
            has_seen_test_rows=rows != last,
            projections=projections,
            shows_rows=recipe.tracking.excerpt,
            worst=worst,
        )


def _models(store: Store, study: Study, candidate: str | None) -> dict[str, StoredModel]:
    """Return the models of all candidates that have one; of one that is asked for, or fail."""
    from dlrun.tracking.stored_model import find_model

    found = {}
    names = [str(name) for name in study.trials["candidate"].unique()]
    if candidate and candidate not in names:
        names.append(candidate)  # so that its error says what there is
    for name in names:
        try:
            found[name] = find_model(store, study.id, name)
        except UsageError:
            if name == candidate:
                raise
    return found
