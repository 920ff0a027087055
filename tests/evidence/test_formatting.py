"""Numbers as they are written."""

from __future__ import annotations

import pytest

from dlrun.evidence import formatting as wording


@pytest.mark.parametrize(
    ("width", "places"),
    [(0.014, 3), (0.0081, 3), (0.002, 4), (0.4, 2), (7.0, 0), (191.1, 0), (0.0, 3), (1e-12, 6)],
)
def test_decimals_follow_the_width_of_the_interval(width, places):
    assert wording.decimals(width) == places


def test_zero_has_no_sign():
    assert wording.fixed(-0.0001, 3) == "0.000"
    assert wording.signed(-0.0001, 3) == "0.000"
    assert wording.signed(0.07, 2) == "+0.07"
    assert wording.span(-1234.5, 99.9, 0) == "[-1,234, 100]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (0.02, "0.02"),
        (3.14159, "3.14"),
        (31.4159, "31.4"),
        (314.159, "314"),
        (61, "61"),
        (6100, "6,100"),
        (24705, "24.7k"),
        (331905, "332k"),
        (1_200_000, "1.20M"),
        (7e9, "7.00G"),
    ],
)
def test_costs_have_about_three_digits(value, text):
    assert wording.compact(value) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.11, "1/9 of the latency"),
        (0.0001, "1/10,000 of the latency"),
        (0.4, "0.4× the latency"),
        (1.03, "the same latency"),
        (3.21, "3.2× the latency"),
        (1234.5, "1,234× the latency"),
    ],
)
def test_ratios_read_well(ratio, text):
    assert wording.times(ratio, "latency") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.04 s"),
        (0.96, "1.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (7, "7 s"),
        (59.6, "1 min 00 s"),
        (245, "4 min 05 s"),
        (7800, "2 h 10 min"),
    ],
)
def test_durations_grow_coarser(seconds, text):
    assert wording.duration(seconds) == text


def test_counts_agree_with_their_noun():
    assert (wording.counted(1, "fold"), wording.counted(1200, "row")) == ("1 fold", "1,200 rows")
    assert [wording.rounded_up(n) for n in (7, 43, 431, 43_001)] == [7, 43, 440, 44_000]
