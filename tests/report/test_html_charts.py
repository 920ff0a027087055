"""The parts of the page's charts: scales, ticks, markup, styles."""

from __future__ import annotations

from itertools import pairwise
from math import inf, nan

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from dlrun.report.charts.chart import shortened, text_width
from dlrun.report.charts.scale import Scale, padded, padded_log
from dlrun.report.html import tag
from dlrun.report.prediction_stats import describe_predictions
from dlrun.report.styles import COLOURS, MARKERS, Style

ANY = st.floats(-1e4, 1e4)


@given(ANY, st.floats(1e-6, 1e9), st.floats(80, 900))
def test_ticks_are_round_within_the_ends_and_neither_few_nor_many(low, width, pixels):
    scale = Scale(low, low + width, 0, pixels)
    ticks = scale.ticks()
    values = [value for value, _ in ticks]
    assert 2 <= len(values) <= pixels / 75 + 3
    assert values == sorted(set(values))
    assert all(-1 <= scale(value) <= pixels + 1 for value in values)


@given(st.floats(1e-6, 1e6), st.floats(1.8, 1e9))
def test_logarithmic_ticks(low, times):
    scale = Scale(low, low * times, 0, 400, is_log=True)
    ticks = scale.ticks()
    assert len(ticks) <= 16
    assert all(scale.low * 0.999 <= value <= scale.high for value, _ in ticks)
    if times > 10:
        assert ticks


@pytest.mark.parametrize(
    ("scale", "texts"),
    [
        (Scale(0, 1, 0, 150), ["0.0", "0.5", "1.0"]),
        (Scale(-0.0126, 0.0071, 0, 600), ["-0.010", "-0.005", "0.000", "0.005"]),
        (Scale(0, 19000, 0, 300), ["0", "5k", "10k", "15k"]),
        (Scale(1, 3, 0, 400, finest=1), ["1", "2", "3"]),
        (Scale(0.02, 30, 0, 400, is_log=True), ["0.1", "1", "10"]),
    ],
)
def test_ticks_read_well(scale, texts):
    assert [text for _, text in scale.ticks()] == texts


def test_a_value_beyond_the_ends_is_drawn_at_the_end():
    scale = Scale(0, 1, 10, 110)
    assert [scale(value) for value in (-5, 0, 0.5, 1, inf)] == [10, 10, 60, 110, 110]
    assert Scale(1, 100, 200, 0, is_log=True)(10) == pytest.approx(100)


def test_equal_values_get_a_scale_of_some_width():
    for values in ([0.5, 0.5], [0.0], [1e6, nan, inf]):
        low, high = padded(values)
        assert low < values[0] < high
    low, high = padded_log([2.0])
    assert low < 2 < high


def test_an_axis_does_not_pass_the_largest_possible_score():
    assert padded([0.9, 1.0], within=(-inf, 1.0)) == pytest.approx((0.894, 1.0))
    assert padded([0.0, 0.0], within=(0.0, inf)) == (0.0, 0.06)
    assert padded([1.0, 3.0], within=(0.0, 2.0)) == pytest.approx((0.88, 3.0))  # all are drawn


def test_all_that_is_not_markup_is_escaped():
    assert tag("p", "a < b", tag("b", "&"), class_='"x"') == (
        '<p class="&#34;x&#34;">a &lt; b<b>&amp;</b></p>'
    )
    assert tag("rect", x=1.25, y=-0.01, stroke_width=None) == '<rect x="1.2" y="0"/>'
    assert tag("i", str(Markup("<b></b>"))) == "<i>&lt;b&gt;&lt;/b&gt;</i>"


def test_words_are_cut_to_their_room_and_kept_as_hover():
    assert shortened("short", 100) == ("short",)
    cut, whole = shortened("漢字" * 30, 100)
    assert cut.endswith("…")
    assert text_width(cut) <= 100
    assert whole == f"<title>{'漢字' * 30}</title>"


def test_every_marker_is_drawn():
    for family, markers in MARKERS.items():
        drawn = [Style(colour, m).draw(5, 5, 3) for m in markers for colour in COLOURS[family][:1]]
        assert len(set(drawn)) == len(markers)


def _predictions(y, late, repeat=0):
    late = np.array(late)
    columns = {
        "row_id": np.arange(len(y)),
        "truth": y,
        "prediction": (late > 0.5).astype(int),
        "repeat": repeat,
    }
    return pd.DataFrame(columns | {"p_no": 1 - late, "p_yes": late})


def _describe(frame):
    return describe_predictions(frame, "classification", ("no", "yes"))


def test_calibration_and_confusion_by_hand():
    counts = _describe(_predictions([0, 1, 1, 1], [0.05, 0.05, 0.95, 1.0]))
    assert counts.confusion.tolist() == [[1, 0], [1, 2]]
    low, high = counts.bins
    assert (low.predicted_probability, low.observed_frequency, low.n) == (0.05, 0.5, 2)
    assert (high.predicted_probability, high.observed_frequency, high.n) == (0.975, 1.0, 2)
    assert low.low < 0.5 < low.high
    assert all(a.predicted_probability < b.predicted_probability for a, b in pairwise(counts.bins))


def test_repeats_do_not_narrow_the_intervals():
    once = _predictions([0, 1] * 20, [0.55] * 40)
    twice = pd.concat([once, once.assign(repeat=1)])
    (one,), (two,) = (_describe(each).bins for each in (once, twice))
    assert (one.low, one.high) == pytest.approx((two.low, two.high))
    assert (one.n, two.n) == (40, 80)


def test_predictions_beyond_the_truth_are_counted_at_the_border():
    frame = pd.DataFrame({"truth": [0.0, 1.0, 2.0], "prediction": [0.0, 50.0, nan], "repeat": 0})
    frame["row_id"] = np.arange(3)
    joint = describe_predictions(frame, "regression", ()).joint
    assert joint.counts.sum() == 3
    assert joint.n_beyond == 2
    assert joint.counts[:, -1].sum() == 2
