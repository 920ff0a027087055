"""The columns of a comparison as text, for the terminal, Markdown and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING, Final, Literal

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.comparison import COSTS, CandidateSummary, Comparison, KindSummary
from dlrun.evidence.formatting import budget_phrase, compact, decimals, fixed, percent, signed

if TYPE_CHECKING:
    from dlrun.evidence.comparison import Difference
    from dlrun.evidence.statistics import Interval

COST_TITLES: Final = {
    "fit_seconds": "fit s",
    "cpu_seconds": "CPU s",
    "peak_memory_mb": "memory MB",
    "latency_ms_batch1": "latency ms",
    "latency_ms_batch1000": "ms per 1,000",
    "model_mb": "model MB",
    "parameters": "params",
    "startup_seconds": "start-up s",
    "gpu_peak_memory_mb": "GPU MB",
    "gpu_energy_wh": "GPU Wh",
}


@dataclass(frozen=True)
class TableColumn:
    """A title and one text per row; columns of high rank are left out first."""

    key: str
    title: str
    cells: tuple[str, ...]
    rank: int
    side: Literal["left", "right"] = "right"

    @property
    def width(self) -> int:
        """Return the width of the widest text."""
        return max(len(text) for text in (self.title, *self.cells))


def make_columns(comparison: Comparison, sort: str | None = None) -> list[TableColumn]:
    """Return the columns from left to right, with the one that the rows are sorted by."""
    rows = comparison.rows
    title = get_metric(comparison.metric).title
    leads = [row.difference for row in rows]
    columns = [
        TableColumn("candidate", "candidate", tuple(row.name for row in rows), 0, side="left"),
        _side_column(comparison),
        TableColumn(comparison.metric, title, _scores(comparison), 0),
        TableColumn("difference", "lead [95 %]", _leads(leads, comparison.decimals), 1),
        _cost(rows, "fit_seconds", 2),
        _cost(rows, "latency_ms_batch1", 4),
        _cost(rows, "model_mb", 6),
        _cost(rows, "parameters", 5),
    ]
    columns += [
        _cost(rows, name, 7)
        for name in ("gpu_peak_memory_mb", "gpu_energy_wh")
        if any(getattr(row.cost, name) is not None for row in rows)
    ]
    if not any(row.difference for row in rows):
        del columns[3]
    if comparison.search_costs:
        columns[2:3] = _tuning(comparison, columns[2])
    if sort is not None and sort not in {column.key for column in columns}:
        columns.insert(3, _cost(rows, sort, 0) if sort in COSTS else _other_score(rows, sort))
    return columns


def _side_column(comparison: Comparison) -> TableColumn:
    """Return the sides, or the kinds where they say more."""
    key = "kind" if comparison.has_pretrained else "family"
    cells = tuple(getattr(row, key) or row.family for row in comparison.rows)
    return TableColumn(key, key, cells, 3, side="left")


def make_kind_columns(comparison: Comparison) -> list[TableColumn]:
    """Return the columns of the kinds: the best of each, and its lead over the best of others."""
    kinds, places = comparison.kinds, comparison.decimals
    scores = _flush_right([fixed(each.mean, places) for each in kinds])
    chances = {
        "better": [each.p_better for each in kinds],
        "equivalent": [each.p_equivalent for each in kinds],
        "worse": [each.p_worse for each in kinds],
    }
    columns = [
        TableColumn("kind", "kind", tuple(each.kind for each in kinds), 0, side="left"),
        TableColumn("best", "best", tuple(each.best for each in kinds), 0, side="left"),
        TableColumn(comparison.metric, get_metric(comparison.metric).title, tuple(scores), 0),
        TableColumn(
            "difference", "lead [95 %]", _leads([each.difference for each in kinds], places), 0
        ),
        TableColumn("against", "over", tuple(_against(each) for each in kinds), 5, side="left"),
    ]
    columns += [
        TableColumn(name, name, tuple("" if p is None else percent(p) for p in found), rank)
        for rank, (name, found) in enumerate(chances.items(), start=2)
    ]
    return [*columns, _cost(kinds, "fit_seconds", 1), _cost(kinds, "latency_ms_batch1", 6)]


def _against(kind: KindSummary) -> str:
    return kind.difference.against if kind.difference else ""


def _cost(
    rows: Sequence[CandidateSummary] | Sequence[KindSummary], name: str, rank: int
) -> TableColumn:
    cells = tuple(compact(getattr(row.cost, name)) for row in rows)
    return TableColumn(name, COST_TITLES[name], cells, rank)


def _tuning(comparison: Comparison, score: TableColumn) -> list[TableColumn]:
    """Return the default score, that of the chosen settings, the gain, and what a search took."""
    places = comparison.decimals
    found = [row.tuning for row in comparison.rows]
    gains = [each.gain if each and not isnan(each.gain.mean) else None for each in found]
    defaults = tuple("" if each is None else _known(each.default, places) for each in found)
    n_trials = tuple(f"{each.n_trials:.3g}" if each else "" for each in found)
    seconds = tuple(compact(each.seconds) if each else "" for each in found)
    return [
        TableColumn("default", "default", defaults, 1),
        replace(score, title=f"tuned {score.title}"),
        TableColumn("gain", "gain [95 %]", _leads(gains, places), 2),
        TableColumn("n_search_trials", "trials", n_trials, 5),
        TableColumn("search_seconds", "search s", seconds, 3),
    ]


def tuning_caption(comparison: Comparison) -> str:
    """Write the budget of a search and what those of each side took; empty without any."""
    if not comparison.search_costs:
        return ""
    budget = comparison.search_budget
    each = f"tuned {budget_phrase(budget)} per split" if budget else "not all tuned alike"
    spent = (
        f"{compact(cost.cpu_seconds)} CPU s {family}"
        for family, cost in comparison.search_costs.items()
    )
    return f"{each}; all searches took {', '.join(spent)}"


def _known(value: float, places: int) -> str:
    return "" if isnan(value) else fixed(value, places)


def _other_score(rows: Sequence[CandidateSummary], metric: str) -> TableColumn:
    scores = [row.scores.get(metric, float("nan")) for row in rows]
    known = [abs(score) for score in scores if not isnan(score)]
    places = decimals(max(known, default=0.0) / 100)
    cells = tuple("" if isnan(score) else fixed(score, places) for score in scores)
    return TableColumn(metric, get_metric(metric).title, cells, 0)


def _scores(comparison: Comparison) -> tuple[str, ...]:
    places = comparison.decimals
    means = _flush_right([fixed(row.mean, places) if row.n else "" for row in comparison.rows])
    sds = _flush_right(["" if isnan(row.sd) else fixed(row.sd, places) for row in comparison.rows])
    spreads = _flush_right([f" ± {sd}" if sd.strip() else "" for sd in sds])
    cells = [mean + spread for mean, spread in zip(means, spreads, strict=True)]
    return tuple(cell if cell.strip() else "failed" for cell in cells)


def _leads(found: Sequence[Difference | Interval | None], places: int) -> tuple[str, ...]:
    """Write each with the ends of its interval, where they are known, below each other."""
    known = [each for each in found if each]
    means = _flush_right([signed(each.mean, places) for each in known])
    lows, highs = (
        _flush_right([_known(end, places) for end in ends])
        for ends in ([each.low for each in known], [each.high for each in known])
    )
    texts = (
        f"{mean} [{low}, {high}]" if low.strip() else mean
        for mean, low, high in zip(means, lows, highs, strict=True)
    )
    return tuple(next(texts) if each else "" for each in found)


def _flush_right(texts: Sequence[str]) -> list[str]:
    width = max((len(text) for text in texts), default=0)
    return [text.rjust(width) for text in texts]
