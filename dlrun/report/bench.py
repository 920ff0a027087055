"""Candidates over several data sets, in words and on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import FAMILY_TITLES, counted, fixed, percent, signed, small
from dlrun.evidence.ranking import LEVEL
from dlrun.report.bench_table import score_places
from dlrun.report.terminal import FAMILY_STYLES, KIND_STYLES

if TYPE_CHECKING:
    from rich.console import Console

    from dlrun.evidence.bench import Bench, DataSetResult, Duel
    from dlrun.evidence.ranking import Ranking

TITLES: Final = {**FAMILY_TITLES, "equivalent": "Equivalent", "undecided": "Undecided"}
ANSWERS: Final = {
    "deep": "deep learning",
    "classic": "classic ML",
    "both": "both together",
    "none": "no verdict",
}


def headline(bench: Bench) -> str:
    """Return what the data sets together say of both sides."""
    sides = bench.sides
    if sides is None:
        return "No verdict over data sets: none of them compares both sides."
    return f"{TITLES[bench.kind]} over {counted(sides.n, 'data set')}: {_record(sides)}."


def _record(sides: Duel) -> str:
    counts = (
        f"{sides.first} is better on {sides.wins}, {sides.second} on {sides.losses}, and on "
        f"{sides.ties} the difference is too small to matter"
    )
    if sides.p_win is None or sides.p_tie is None or sides.p_loss is None:
        return counts
    chances = map(percent, (sides.p_win, sides.p_loss, sides.p_tie))
    return f"{counts} (probability on data sets like these: {', '.join(chances)})"


def ranking_words(ranking: Ranking) -> str:
    """Return what the tests of the mean ranks say."""
    found = f"Friedman test over {ranking.n} data sets: p = {_p(ranking.p_value)}"
    if ranking.p_value >= LEVEL:
        return f"{found}, so that the ranks do not tell the {len(ranking.ranks)} candidates apart."
    return (
        f"{found}. Mean ranks that differ by {fixed(ranking.critical_difference, 2)} or more are "
        "different (Nemenyi test, 5 %)."
    )


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< .001"  # noqa: PLR2004


def print_bench(console: Console, bench: Bench) -> None:
    """Print the data sets, the candidates, what is found over them, and the notes."""
    for part in (_data_sets(bench), _candidates(bench)):
        console.print()
        console.print(part)
    console.print()
    console.print(Text(headline(bench), style="bold"))
    if bench.ranking:
        console.print(Text(ranking_words(bench.ranking)))
    for note in bench.notes:
        console.print(Text(f"Note: {note}", style="dim"))


def lead_text(result: DataSetResult) -> str:
    """Return the lead of the deep side with the ROPE; empty without one."""
    if result.lead is None:
        return ""
    return f"{signed(result.lead, score_places(result))} ({small(result.rope)})"


def answer(result: DataSetResult) -> str:
    """Return the verdict of a data set in a word or two."""
    return ANSWERS.get(result.verdict, result.verdict)


def _data_sets(bench: Bench) -> Table:
    table = _table("Data sets")
    _add_columns(table, "data set", "metric", "verdict")
    _add_columns(table, "rows", "deep − classic (ROPE)", side="right")
    for each in bench.data_sets:
        verdict = Text(answer(each), style=KIND_STYLES.get(each.verdict, ""))
        metric = get_metric(each.metric).title
        table.add_row(Text(each.name), metric, verdict, f"{each.n_rows:,}", lead_text(each))
    return table


def _candidates(bench: Bench) -> Table:
    table = _table("Candidates")
    best = bench.candidates[0].name
    _add_columns(table, "candidate", "side")
    _add_columns(table, "mean rank", "normalised", "data sets", side="right")
    _add_columns(table, f"against {best}")
    for each in bench.candidates:
        rank = "" if each.mean_rank is None else fixed(each.mean_rank, 2)
        table.add_row(
            Text(each.name), Text(each.family, style=FAMILY_STYLES.get(each.family, "")), rank,
            fixed(each.normalised, 2), f"{each.n}", against(bench, each.name, best),
        )  # fmt: skip
    table.caption = Text(
        "normalised: mean over the data sets, where 1 is the best score of each and 0 the dummy's; "
        "against: better, within the ROPE, worse",
        style="dim",
    )
    return table


def against(bench: Bench, name: str, other: str) -> str:
    """Return on how many data sets a candidate is better, level and worse than another."""
    for duel in bench.duels:
        if (duel.first, duel.second) == (name, other):
            return f"{duel.wins} / {duel.ties} / {duel.losses}"
        if (duel.second, duel.first) == (name, other):
            return f"{duel.losses} / {duel.ties} / {duel.wins}"
    return ""


def _add_columns(table: Table, *titles: str, side: Literal["left", "right"] = "left") -> None:
    for title in titles:
        table.add_column(Text(title), justify=side, no_wrap=True, overflow="ellipsis")


def _table(title: str) -> Table:
    return Table(
        title=Text(title, style="bold"), title_justify="left", caption_justify="left",
        header_style="dim", border_style="dim", box=SIMPLE_HEAD, show_edge=False, pad_edge=False,
    )  # fmt: skip
