from __future__ import annotations

import datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.data.types.date_formats import find_dates, parse_dates


def form(*texts: str) -> str | None:
    found = find_dates({text: texts.count(text) for text in texts})
    return found.format if found and found.is_certain else None


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["31/12/2024", "01/02/2024"], "%d/%m/%Y"),
        (["12-31-24", "01-01-24"], "%m-%d-%y"),
        (["31.12.2024", "1.1.2025"], "%d.%m.%Y"),
        (["01.02.2024", "03.04.2024"], "%d.%m.%Y"),
        (["24-12-31", "24-12-30"], "%y-%m-%d"),
        (["31.12.2024 10:00", "01.01.2025 23:59"], "%d.%m.%Y %H:%M"),
        (["12/31/2024 1:30 PM"], "%m/%d/%Y %I:%M %p"),
        (["3 Mar 2024", "14 May 2024"], "%d %b %Y"),
        (["03-Mar-24"], "%d-%b-%y"),
        (["March 3, 2024"], "%B %d, %Y"),
        (["2024-12-31", "2024-01-01", "?"], ""),
        (["2024-12-31T10:00:00.5+02:00"], ""),
    ],
)
def test_the_format_is_the_one_that_fits_all(texts: list[str], expected: str) -> None:
    assert form(*texts) == expected


@pytest.mark.parametrize(
    "texts",
    [
        ["1.2.3", "1.10.0"],
        ["2013", "2014"],
        ["192.168.1.1"],
        ["123-45-6789"],
        ["2024-02-30", "2024-02-28"],
        ["31/12/2024", "12/31/2024"],
        ["a-b-c"],
    ],
)
def test_versions_numbers_and_impossible_days_are_no_dates(texts: list[str]) -> None:
    assert form(*texts) is None


def test_where_day_and_month_could_be_exchanged_the_other_format_is_named() -> None:
    found = find_dates({"01/02/2024": 1, "03/04/2024": 1})
    assert found is not None
    assert (found.format, found.alternative) == ("%m/%d/%Y", "%d/%m/%Y")
    assert found.example == ("03/04/2024", "2024-03-04")


def test_the_order_of_the_rows_tells_day_from_month() -> None:
    days = [f"{day:02}/{month:02}/2024" for month in (3, 4) for day in range(1, 13)]
    assert form(*days) == "%d/%m/%Y"


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.dates(datetime.date(1970, 1, 1), datetime.date(2068, 12, 31)), min_size=1),
    st.sampled_from(["%d.%m.%Y", "%Y/%m/%d", "%d-%b-%Y", "%B %d, %Y"]),
)
def test_dates_are_read_back(days: list[datetime.date], name: str) -> None:
    texts = [day.strftime(name) for day in [datetime.date(2024, 12, 31), *days]]
    found = find_dates({text: 1 for text in texts})
    assert found is not None
    read = parse_dates(pd.Series(texts, dtype=object), found.format).dt.date.tolist()
    assert read == [datetime.date(2024, 12, 31), *days]
