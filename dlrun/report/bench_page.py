"""Candidates over data sets as one self-contained HTML page."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dlrun.catalog.baselines import DUMMY
from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import counted, percent
from dlrun.report.bench import against, answer, headline, lead_text, ranking_words
from dlrun.report.bench_table import paper_table
from dlrun.report.charts.chart import read_css
from dlrun.report.charts.ranks import draw_ranks
from dlrun.report.content_policy import content_policy
from dlrun.report.html import render
from dlrun.report.sections.section import ReportSection, figure, on_any_width, table
from dlrun.report.styles import assign_styles
from dlrun.system.secrets import mask
from dlrun.system.version import __version__

if TYPE_CHECKING:
    from dlrun.evidence.bench import Bench, Duel
    from dlrun.evidence.ranking import Ranking

NORMALISED = (
    "normalised: mean over the data sets, where 1 is the best score of each and 0 that of dummy "
    "(the worst, where there is no dummy) or below"
)


def to_html(bench: Bench) -> str:
    """Return the report, which needs no other file and no network."""
    css = read_css("charts") + read_css("page")
    names = [each.name for each in bench.data_sets]
    answer_, colon, grounds = headline(bench).partition(":")
    sections = [_ranks(bench, bench.ranking)] if bench.ranking else []
    html = render(
        "bench",
        title=f"bench of {counted(len(names), 'data set')}",
        css=css,
        policy=content_policy([css]),
        facts=["bench", *names],
        verdict={"kind": bench.kind},
        answer=answer_ + colon,
        grounds=grounds,
        shares=None,
        kept=(),
        notes=bench.notes,
        sections=[*sections, _data_sets(bench), _scores(bench), _pairs(bench)],
        version=__version__,
    )
    return mask(str(html))


def _ranks(bench: Bench, ranking: Ranking) -> ReportSection:
    styles = assign_styles(bench.candidates)
    chart = on_any_width(partial(draw_ranks, ranking, styles, title="Mean ranks"))
    caption = (
        f"Mean rank over {counted(ranking.n, 'data set')}; 1 is the best on all of them. A bar "
        f"joins candidates that do not differ. {ranking_words(ranking)}"
    )
    return ReportSection("ranks", "Mean ranks", figure(chart, caption=caption))


def _data_sets(bench: Bench) -> ReportSection:
    head = ["data set", "verdict", "in words", "metric", "rows", "deep − classic (ROPE)"]
    rows = [
        [
            each.name, answer(each), each.sentence, get_metric(each.metric).title,
            f"{each.n_rows:,}", lead_text(each),
        ]
        for each in bench.data_sets
    ]  # fmt: skip
    caption = "The verdict of each data set, by its own splits."
    return ReportSection(
        "data-sets", "Data sets", table(caption, head, rows, left=4, is_tight=True)
    )


def _scores(bench: Bench) -> ReportSection:
    found = paper_table(bench)
    caption = f"Mean test scores, the best of each data set bold; {NORMALISED}."
    body = table(caption, found.head, found.rows, strong=found.strong)
    return ReportSection("scores", "Scores", body)


def _pairs(bench: Bench) -> ReportSection:
    """List wins, ties and losses of every two candidates, and the test of each pair."""
    names = [each.name for each in bench.candidates if each.name != DUMMY]
    rows = [[name, *(against(bench, name, other) or "–" for other in names)] for name in names]
    caption = (
        "On how many data sets the candidate of the row is better / within the ROPE / worse than "
        "that of the column."
    )
    tests = [_test(each) for each in bench.duels if each.p_win is not None]
    body = table(caption, ["candidate", *names], rows)
    if tests:
        words = (
            "Probability on data sets like these, by the Bayesian signed-rank test on differences "
            "in units of each data set's ROPE (Benavoli et al. 2014)."
        )
        head = ["pair", "first better", "within the ROPE", "second better", "data sets"]
        body += table(words, head, tests)
    return ReportSection("pairs", "Pairs", body)


def _test(duel: Duel) -> list[str]:
    chances = (duel.p_win or 0.0, duel.p_tie or 0.0, duel.p_loss or 0.0)
    return [f"{duel.first} – {duel.second}", *map(percent, chances), f"{duel.n}"]
