from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.data.types.numerals import DECIMALS, find_numbers, read_numeral


@pytest.mark.parametrize(
    ("text", "decimal", "value", "unit"),
    [
        ("1,234.5", ".", 1234.5, ""),
        ("1.234.567,89", ",", 1234567.89, ""),
        ("1 234,5", ",", 1234.5, ""),
        ("1\u202f234", ".", 1234.0, ""),
        ("1'000.5", ".", 1000.5, ""),
        ("-$1,234.50", ".", -1234.5, "$"),
        ("$-5", ".", -5.0, "$"),
        ("€ 5,5", ",", 5.5, "€"),
        ("7.50 USD", ".", 7.5, "USD"),
        ("R$ 10", ".", 10.0, "R$"),
        ("(1,234)", ".", -1234.0, ""),
        ("12.5 %", ".", 12.5, "%"),
        ("−3", ".", -3.0, ""),
        ("1e-3", ".", 0.001, ""),
        (" .5 ", ".", 0.5, ""),
    ],
)
def test_numbers_are_read_as_people_write_them(
    text: str, decimal: str, value: float, unit: str
) -> None:
    assert read_numeral(text, decimal) == (value, unit)


@pytest.mark.parametrize(
    "text",
    ["", "$", "1,23", "1,2345", "12,34,5", "1.2.3", "(5", "--5", "-(5)", "$5 USD", "5 kg", "0,500"],
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert read_numeral(text, ".") is None


@given(st.decimals(-(10**12), 10**12, places=3), st.sampled_from("., ' \u00a0"), st.booleans())
def test_every_grouped_number_is_read_back(value: object, mark: str, is_grouped: bool) -> None:
    decimal = "," if mark == "." else "."
    plain = f"{value:,.3f}" if is_grouped else f"{value:.3f}"
    text = plain.replace(".", "\0").replace(",", mark).replace("\0", decimal)
    found = read_numeral(text, decimal)
    assert found is not None
    assert found.value == pytest.approx(float(str(value)), abs=0)


@given(st.text(max_size=12), st.sampled_from(list(DECIMALS)))
def test_no_text_is_too_odd_to_be_looked_at(text: str, decimal: str) -> None:
    read_numeral(text, decimal)


def counts(*texts: str) -> dict[str, int]:
    return {text: texts.count(text) for text in texts}


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        (["1,234", "5"], "."),
        (["1.234,5", "5"], ","),
        (["1,5", "2,25"], ","),
        (["1", "?", "3"], ""),
        (["1.5", "2", "n/a", "-"], ""),
        (["$1", "$2.50"], "."),
        (["5%", "0", "7%"], "."),
        ([*"0123456789" * 10, "broken"], ""),
    ],
)
def test_a_column_of_numbers_has_one_decimal_mark(texts: list[str], form: str) -> None:
    found = find_numbers(counts(*texts))
    assert found.is_certain
    assert found.format == form


@pytest.mark.parametrize(
    "texts",
    [
        ["1", "2", "3"],  # in quotes: codes
        ["007", "?", "123"],
        ["$5", "€5"],
        ["5%", "0.05"],
        ["?", "-"],
        ["1", "2", "A1", "B2"],
        [*map(str, range(1000)), *(f"V{n}" for n in range(30))],  # codes of diseases
        ["none", "some", "-"],
    ],
)
def test_codes_mixed_units_and_words_are_no_numbers(texts: list[str]) -> None:
    assert not find_numbers(counts(*texts)).is_certain


def test_where_both_marks_fit_the_file_decides_and_the_other_is_named() -> None:
    found = find_numbers(counts("1,234", "5,678"))
    assert (found.format, found.alternative) == (".", "data.decimal: ','")
    found = find_numbers(counts("1,234", "5,678"), ",")
    assert (found.format, found.alternative) == (",", "data.decimal: '.'")
    assert find_numbers(counts("1,234", "5,6")).alternative == ""
