"""Labels that are formulas are text in a CSV file, and the same again when dlrun reads it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.data.sources.tables import write_table
from dlrun.system.spreadsheet import guard, guarded, unguard
from dlrun.tracking import tables

LINK = '=HYPERLINK("http://x","y")'


@pytest.mark.parametrize("text", [LINK, "+1+cmd|' /C'!A0", "-2+3", "@SUM(A1)", "\t=1", "'=1"])
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert guard(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-1.5", "+3e5", "-inf", "a=b", "-", "", "'tis", 3, None])
def test_all_else_stays(value: object) -> None:
    assert guard(value) == value


@given(st.text(alphabet="=+-@'\t1a"))
def test_reading_gives_what_was_written(text: str) -> None:
    assert unguard(guard(text)) == text


def test_names_and_cells_of_a_table() -> None:
    frame = pd.DataFrame({"=a": ["x", LINK], "b": [-1, 2], "c": pd.Categorical(["+x", "y"])})
    assert guarded(frame).to_csv(index=False) == (
        '\'=a,b,c\nx,-1,\'+x\n"\'=HYPERLINK(""http://x"",""y"")",2,y\n'
    )
    assert pd.read_csv(StringIO(frame.to_csv(index=False))).columns[0] == "=a"


def test_predictions_are_guarded_where_spreadsheets_open_them(tmp_path: Path) -> None:
    frame = pd.DataFrame({"prediction": [LINK, "no"], "p_no": [0.25, -0.5]})
    for suffix in ("csv", "tsv", "csv.gz", "jsonl", "parquet"):
        write_table(frame, tmp_path / f"a.{suffix}")
    for suffix, separator in (("csv", ","), ("tsv", "\t"), ("csv.gz", ",")):
        read = pd.read_csv(tmp_path / f"a.{suffix}", sep=separator)
        assert read["prediction"].tolist() == [f"'{LINK}", "no"]
        assert read["p_no"].tolist() == [0.25, -0.5]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), frame)
    assert pd.read_json(tmp_path / "a.jsonl", lines=True)["prediction"][0] == LINK


def test_a_candidate_that_is_called_like_a_formula_is_read_back() -> None:
    row = dict.fromkeys(("repeat", "fold", "step", "seed", "n_epochs", "max_epochs"), 0)
    row |= {"candidate": LINK, "family": "deep", "status": "ok", "error": "- none"}
    text = guarded(tables.trials_table([row], ["accuracy"])).to_csv(index=False)
    assert "'=HYPERLINK" in text and "'- none" in text
    read = tables.read_trials(StringIO(text))  # type: ignore[arg-type]
    assert (read["candidate"][0], read["error"][0]) == (LINK, "- none")
