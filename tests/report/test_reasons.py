from __future__ import annotations

from dataclasses import replace
from math import nan

from excerpts import BAD, media
from pages import report, sections
from reported import make

from dlrun.contract.excerpt import ShownCell
from dlrun.contract.inside import Inside
from dlrun.contract.reasons import CellReasons, Reasons, RowReasons
from dlrun.report.charts.reasons import draw_bars, signed


def inside(name, family, method, residual, randomised=nan):
    picture, _, _, pulse = media().values()
    cells = (
        CellReasons("scan", picture, ((0.5, -0.25), (0.0, 1.0)), shape=(8, 8, 1)),
        CellReasons("pulse", pulse, ((1.0, 0.0), (-2.0, 0.0)), shape=(5, 2)),
        CellReasons("voice", replace(pulse, text="1 s"), ((1.0, 0.5), (0.0, 2.0)), shape=(800,)),
        CellReasons("review", ShownCell("quote", ""), ((2.0, -1.0, 0.1),), (BAD, "awful", "a")),
        *(
            CellReasons(f"x{n}", ShownCell("plain", BAD), ((float(n - 5),),))
            for n in range(12)
        ),
    )  # fmt: skip
    row = RowReasons(3, "yes", "no, 60 %", "yes", 1.5, 0.25, residual, cells, left=0.5)
    found = Reasons(method, "log-odds", (row,), randomised)
    return Inside(name, family, 4, "the training rows", reasons=found)


def page(**looks):
    return report(replace(make("linear", "mlp", "dummy"), inside=looks))


def test_both_sides_explain_the_same_rows_in_one_picture():
    found = page(
        linear=inside("linear", "classic", "coefficients", 1e-15),
        mlp=inside("mlp", "deep", "occlusion", nan, 0.1),
    )
    assert "reasons" in sections(found)
    text = found.text
    assert "From test rows: to look at, not to tune by." in text
    assert "by coefficients of the linear model" in text
    assert "leave at most 1e-15 of an output unexplained" in text
    assert "the mean rank correlation of their weights is 1.00" in text
    assert "a rank correlation of 0.10 with this one: it shows what was learned" in text
    assert text.count("Row 3, true: yes") == 1
    assert text.count("predicts no, 60 %") == 2
    assert text.count("log-odds of yes: +1.50, from a baseline of +0.250") == 2
    assert text.count("all others") >= 2


def test_without_a_look_there_is_no_section():
    assert "reasons" not in sections(page())
    nothing = replace(inside("mlp", "deep", "occlusion", nan), reasons=None)
    assert "reasons" not in sections(page(mlp=nothing))


def test_bars_stand_on_the_side_of_their_sign():
    drawn = draw_bars([("a", "1", 2.0), ("b", "", -0.001)], title="t").content
    assert drawn.count('class="up"') == drawn.count('class="down"') == 1
    assert "−0.00" in drawn
    assert [signed(1234.5), signed(-0.5), signed(0.0)] == ["+1234", "−0.500", "+0.00"]
