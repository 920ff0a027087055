"""A recipe for data that nobody has described: what an expert would write after one look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.notes import GUESSED_TASK
from dlrun.contract.dataset import Column, Dataset
from dlrun.data.lags import seasons
from dlrun.data.quality import is_constant, is_identifier, leaks
from dlrun.data.splits.predefined import SUBSET_NAMES
from dlrun.data.time_order import time_column

if TYPE_CHECKING:
    import pandas as pd

ID_NAME: Final = re.compile(
    r"(?i:(.*[\W_])?(id|uuid|guid)|unnamed: 0|subject|patient|participant|speaker)|.*[a-z]I[Dd]"
)
NAME: Final = re.compile(r"(?i:(.*[\W_])?(id|name))")  # of a text that identifies a row
NUMBERED: Final = re.compile(r"(.*?)(\d+)")
MIN_GROUPS: Final = 10
MIN_STEPS: Final = 16  # of columns that make a series
SMOOTHNESS: Final = 0.5  # correlation of neighbouring steps …
DISTINCTION: Final = 0.1  # … beyond that of all pairs: the items of a questionnaire are alike too
MIN_ROWS: Final = 10  # that a correlation is of
N_COMPARED: Final = 2000
MIN_YEARS: Final = 1.5  # of data, before the season of the year can be learned
YEAR: Final = np.timedelta64(365, "D")


@dataclass(frozen=True)
class Proposal:
    """What a recipe says about data, beside source and target.

    Attributes:
        task_comment: why the task is a guess; empty where it is none.
        excluded: column → why it is left out.
        method: of the split; empty: that of the task.
        split_column: of the split, where there is a method.
        split_comment: why it is split so.
        lags: of `data.lags`: the target's, in steps; empty: none.
        date_parts: of `preprocessing.datetime`, where the default would not do.
        columns: the features, in order.
        is_listed: whether the recipe has to list them.
    """

    task_comment: str
    excluded: dict[str, str]
    method: str
    split_column: str
    split_comment: str
    lags: tuple[int, ...]
    date_parts: tuple[str, ...]
    columns: tuple[Column, ...]
    is_listed: bool


def propose(dataset: Dataset) -> Proposal:
    """Propose a recipe for a dataset that was read with all of its columns."""
    method, used, why = _split(dataset)
    is_time = method == "time"
    lags = _lags(dataset, used) if is_time else ()
    date_parts = _date_parts(dataset, used) if is_time else ()
    excluded = dict(_excluded(dataset, used))
    unused = {*excluded, *(() if date_parts else (used,))}
    if not lags and all(column.name in unused for column in dataset.columns):
        excluded, unused = {}, set() if is_time else {used}
    kept = [column for column in dataset.columns if column.name not in unused]
    series = _series(dataset, kept)
    return Proposal(
        task_comment=_task_comment(dataset),
        excluded=excluded,
        method=method,
        split_column=used,
        split_comment=why,
        lags=lags,
        date_parts=date_parts,
        columns=_with_series(kept, series),
        is_listed=bool(series) or (is_time and used not in unused),
    )


def _task_comment(dataset: Dataset) -> str:
    if all(note.code != GUESSED_TASK.code for note in dataset.notes):
        return ""
    n = len(dataset.target.labels)
    return f"{n} whole numbers, taken for classes; regression if they are amounts or grades"


# --------------------------------------------------------------------------------- the split


def _split(dataset: Dataset) -> tuple[str, str, str]:
    """Return the method that the columns call for, the column and why; empty: the task's own."""
    if dataset.split_values is not None:
        return "", "", ""
    if name := _subset_column(dataset):
        return "predefined", name, "the table says which rows are for testing"
    if (name := time_column(dataset)) and not dataset.stream:
        return "time", name, "the rows are in the order of time, and new ones will be later"
    if name := _group_column(dataset):
        return "group", name, "rows of one value belong together, and new rows have other values"
    return "", "", ""


def _subset_column(dataset: Dataset) -> str | None:
    for column in dataset.columns:
        if column.type == "category":
            found = {
                SUBSET_NAMES.get(str(name).strip().lower())
                for name in dataset.frame[column.name].cat.categories
            }
            complete = not dataset.frame[column.name].isna().any()
            if complete and {"train", "test"} <= found and None not in found:
                return column.name
    return None


def _group_column(dataset: Dataset) -> str | None:
    for column in dataset.columns:
        if ID_NAME.fullmatch(column.name) and column.type in ("number", "category"):
            values = dataset.frame[column.name]
            if not values.isna().any() and MIN_GROUPS <= values.nunique() < len(values):
                return column.name
    return None


# ------------------------------------------------------------------------------- the columns


def _excluded(dataset: Dataset, used: str) -> Iterator[tuple[str, str]]:
    columns = [column for column in dataset.columns if column.name != used]
    constant = {column.name for column in columns if is_constant(dataset, column)}
    leaking = {*leaks(dataset, [each for each in columns if each.name not in constant])}
    for column in columns:
        if column.name in leaking:
            yield column.name, "gives the target: a leak, unless it is known before"
        elif column.name in constant:
            yield column.name, "the same in every row"
        elif is_identifier(dataset, column) or _is_named_id(dataset, column):
            yield column.name, "different in every row: it names them"


def _is_named_id(dataset: Dataset, column: Column) -> bool:
    """Return whether its name says that it identifies a row, and every row has another value."""
    name = NAME if column.type == "text" else ID_NAME
    is_single = column.type in ("number", "category", "text")
    return bool(is_single and name.fullmatch(column.name)) and dataset.frame[column.name].is_unique


def _series(dataset: Dataset, columns: Sequence[Column]) -> dict[str, tuple[str, ...]]:
    """Return the runs of numbered columns whose neighbours are alike, as the steps of a curve."""
    runs: dict[str, list[str]] = {}
    for column in columns:
        found = NUMBERED.fullmatch(column.name)
        if found and column.type == "number":
            run = runs.setdefault(found[1], [])
            if not run or int(found[2]) == int(NUMBERED.fullmatch(run[-1])[2]) + 1:  # type: ignore[index]
                run.append(column.name)
    names = {column.name for column in columns}
    found_series = {}
    for prefix, run in runs.items():
        if len(run) >= MIN_STEPS and _is_smooth(dataset.frame[run]):
            name = prefix.strip(" _-.") or "series"
            found_series[name if name not in names else f"{name}_series"] = tuple(run)
    return found_series


def _is_smooth(frame: pd.DataFrame) -> bool:
    """Return whether neighbouring columns are alike, more than any two are."""
    known = frame.dropna()[:N_COMPARED].to_numpy(dtype=np.float64)
    known = known[:, np.ptp(known, axis=0) > 0] if len(known) else known
    if known.shape[0] < MIN_ROWS or known.shape[1] < MIN_STEPS:
        return False
    correlations = np.corrcoef(known.T)
    near = float(np.diag(correlations, 1).mean())
    return near > SMOOTHNESS and near > float(correlations.mean()) + DISTINCTION


def _with_series(
    columns: Sequence[Column], series: dict[str, tuple[str, ...]]
) -> tuple[Column, ...]:
    steps = {step for run in series.values() for step in run}
    made = (Column(name, "series", parts=run) for name, run in series.items())
    return (*(column for column in columns if column.name not in steps), *made)


# ---------------------------------------------------------------------------- rows in time


def _lags(dataset: Dataset, order: str) -> tuple[int, ...]:
    """Return the steps of the target's lags: the last two values and that of a season ago."""
    times = dataset.frame[order]
    if dataset.y.ndim > 1 or not times.is_unique:
        return ()
    found = seasons(times.to_numpy())
    return tuple(dict.fromkeys([1, 2, *found[:1]]))


def _date_parts(dataset: Dataset, order: str) -> tuple[str, ...]:
    """Return the parts of the date that come again; the year of new rows was never seen."""
    times = dataset.frame[order]
    if times.dtype.kind != "M":
        return ()
    covers_years = times.max() - times.min() >= MIN_YEARS * YEAR
    yearly = ["month", "day_of_year"] if covers_years else []
    parts = ["hour", "weekday"]
    varied = [part for part in parts if getattr(times.dt, part).nunique() > 1]
    return (*yearly, *varied)
