"""Why a saved model predicts rows as it does: by its own method, or by occlusion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlrun.catalog.attributions import ATTRIBUTIONS
from dlrun.classic.extras import is_installed
from dlrun.contract.attribution import Explains
from dlrun.data.occlusion import METHOD, explain_by_occlusion
from dlrun.data.targets import target_kind
from dlrun.errors import ExtraError, UsageError
from dlrun.system.text import suggest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.attribution import Attribution
    from dlrun.contract.candidate import Fitted
    from dlrun.data.model_io import SavedModel


def methods_of(fitted: Fitted) -> tuple[str, ...]:
    """Return the methods that explain a fitted candidate, its own first; occlusion always does."""
    own = fitted.attribution_methods if isinstance(fitted, Explains) else ()
    return *own, METHOD


def explain_rows(
    saved: SavedModel,
    frame: pd.DataFrame,
    *,
    outputs: NDArray[np.int64] | None = None,
    method: str | None = None,
) -> list[Attribution]:
    """Explain typed rows.

    Where a method is complete, `Attribution.residual` says how far its weights are from the
    difference of the outputs for the row and for the reference row.

    Args:
        saved: any candidate's model.
        frame: the rows; not changed.
        outputs: (rows,) the class or label that is explained; None: the most probable.
        method: a row of `ATTRIBUTIONS`; None: the first of `methods_of`.

    Returns:
        One for each row.

    Raises:
        UsageError: the method does not suit the model, or the model has no reference row.
        ExtraError: the method needs a package that is not installed.
    """
    fitted, target = saved.fitted, saved.facts.target
    reference, name = saved.reference, saved.facts.candidate
    if reference is None:
        message = (
            f"{name}: an older version of dlrun saved this model without the row with which others "
            "are compared. Train it anew to explain its predictions."
        )
        raise UsageError(message)
    allowed = methods_of(fitted)
    if method is not None and method not in allowed:
        _check_package(method)
        message = f"{name}: {method!r} does not explain this model. {suggest(method, allowed)}"
        raise UsageError(message)
    if outputs is None:
        outputs = target_kind(target.task).outputs(fitted.predict(frame))
    chosen = method or allowed[0]
    if isinstance(fitted, Explains) and chosen in fitted.attribution_methods:
        return fitted.explain(frame, outputs, reference, chosen)
    columns = saved.facts.columns
    return explain_by_occlusion(fitted.predict, columns, target, frame, outputs, reference)


def _check_package(method: str) -> None:
    """Check that the package that a method needs is installed.

    Raises:
        ExtraError: it is not.
    """
    row = ATTRIBUTIONS.get(method)
    if row and row.package and not is_installed(row.package.module):
        raise ExtraError(row.package.distribution, row.package.extra)
