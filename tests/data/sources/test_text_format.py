from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dlrun.contract.dataset import TextFormat
from dlrun.data.sources.tables import read_table
from dlrun.data.sources.text_format import is_headerless
from dlrun.errors import DataError

PLAIN = pd.DataFrame({"größe": [1.5, 2.25, -3.0], "name": ["a", "b ü", "c"], "n": [1, 2, 3]})


def written(path: Path, separator: str = ",", decimal: str = ".", encoding: str = "utf-8") -> Path:
    PLAIN.to_csv(path, sep=separator, decimal=decimal, encoding=encoding, index=False)
    return path


def notes(path: Path, wanted: TextFormat | None = None) -> list[str]:
    return [note.text for note in read_table(path, wanted=wanted or TextFormat()).notes]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "txt", "dat"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize(
    ("separator", "decimal"), [(";", ","), ("\t", "."), ("|", ","), (",", ".")]
)
def test_a_table_is_read_as_it_comes(
    tmp_path: Path, suffix: str, encoding: str, separator: str, decimal: str
) -> None:
    path = written(tmp_path / f"t.{suffix}", separator, decimal, encoding)
    pd.testing.assert_frame_equal(read_table(path).frame, PLAIN)


def test_what_is_not_usual_is_said(tmp_path: Path) -> None:
    assert notes(written(tmp_path / "t.csv")) == []
    assert notes(written(tmp_path / "t.tsv", "\t")) == []
    assert notes(written(tmp_path / "t.csv", ";", ",", "cp1252")) == [
        "The file is read with: encoding cp1252, separated by semicolon, a comma as decimal mark. "
        "Otherwise set data.encoding, data.separator or data.decimal."
    ]
    form = TextFormat(encoding="cp1252", separator=";", decimal=",")
    assert notes(tmp_path / "t.csv", form) == []


def test_bytes_of_another_encoding_far_below_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"1,plain\n" * 40_000 + "2,größer\n".encode("cp1252"))
    table = read_table(path)
    assert table.frame["b"].iloc[-1] == "größer"
    assert table.format.encoding == "cp1252"
    assert "encoding cp1252" in table.notes[0].text


def test_blanks_separate_whatever_their_number(tmp_path: Path) -> None:
    path = tmp_path / "t.data"
    path.write_text(
        " 18.0   8  307.0\t130 chevrolet\n 15.0   8  350.0\tNA buick\n 9 8 1.0 2 buick\n"
    )
    frame = read_table(path).frame
    assert frame.columns.tolist() == [f"column_{n}" for n in range(1, 6)]
    assert frame["column_1"].tolist() == [18.0, 15.0, 9.0]
    assert frame["column_4"].isna().tolist() == [False, True, False]
    assert frame["column_5"].tolist() == ["chevrolet", "buick", "buick"]


def test_blanks_in_quotes_separate_nothing(tmp_path: Path) -> None:
    path = tmp_path / "auto.data"
    path.write_text('18.0   8   130.0\t"ford torino"\n15.0   8   165.0\t"buick skylark 320"\n')
    frame = read_table(path).frame
    assert frame["column_4"].tolist() == ["ford torino", "buick skylark 320"]


def test_a_blank_after_each_comma_is_no_part_of_a_text(tmp_path: Path) -> None:
    path = tmp_path / "adult.csv"
    path.write_text("age, work, y\n39, State-gov, <=50K\n50, ?, >50K\n38, NA, >50K\n")
    frame = read_table(path).frame
    assert frame["y"].tolist() == ["<=50K", ">50K", ">50K"]
    assert frame["work"].tolist()[:2] == ["State-gov", "?"]
    assert frame["work"].isna().tolist() == [False, False, True]


ABALONE = "M,0.455,0.365,15\nM,0.35,0.265,7\nF,0.53,0.42,9\nI,0.33,0.255,7\n"


def test_a_table_without_names_is_recognised_and_said(tmp_path: Path) -> None:
    path = tmp_path / "abalone.data"
    path.write_text(ABALONE)
    table = read_table(path)
    assert table.frame["column_1"].tolist() == ["M", "M", "F", "I"]
    (note,) = [note for note in table.notes if note.code == "DLR015"]
    assert note.text == (
        "The first row looks like the others ('M', '0.455', '0.365', '15'), so it is data, and the "
        "columns are called column_1, column_2, column_3, column_4. Set data.names, or "
        "data.header: first."
    )
    form = TextFormat(header="none", names=("sex", "length", "width", "rings"))
    assert read_table(path, wanted=form).frame["rings"].tolist() == [15, 7, 9, 7]
    assert [note.code for note in read_table(path, wanted=form).notes] == ["DLR014"]


def test_names_replace_a_header_and_must_be_as_many(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv")
    form = TextFormat(names=("a", "b", "c"))
    assert read_table(path, wanted=form).frame["a"].tolist() == [1.5, 2.25, -3.0]
    with pytest.raises(DataError) as caught:
        read_table(path, wanted=TextFormat(names=("a", "b")))
    assert str(caught.value) == (
        f"{path}: cannot be read as .csv: data.names lists 2 names, but the rows have 3 fields, "
        "separated by comma."
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n6.0,2.2,other", True),
        ("2,1,530101,38.5\n1,1,534817,39.2\n2,1,530334,38.3", True),
        ("p,x,s\ne,x,s\np,f,s\ne,x,y", True),  # all words, which occur again
        ("2024-01-01,5.5\n2024-01-02,5.75\n2024-01-03,7", True),
        ("?,2,1.5\n7,3,2.5\n?,4,0.5", True),
        ("ham,Go until jurong point now friend\nspam,Win a prize today you lucky one\n"
         "ham,See you at the station at noon", True),
        ("sex,length\nM,0.455\nF,0.35", False),
        ("name,city\nann,bonn\nbob,köln", False),
        ("name,2010\nann,bonn\nbob,köln", False),
        ("country,2010,2011,2012\nfrance,1.5,2.5,3\nspain,2,3,4", False),
        ("2010,2011,2012\n1,2,3\n4,5,6", False),
        ("0,1,2,3\n5.5,1,2,7\n6,1,7,3", False),
        (",0,1\n0,5,6\n1,6,7", False),
        ("id\n1\n2", False),
        ("a,b", False),
        ("How old are you in full years?,Are you a member of a club?\nold,no\nyoung,yes", False),
    ],
)  # fmt: skip
def test_a_first_row_of_data_is_told_from_names(text: str, expected: bool) -> None:
    assert is_headerless([line.split(",") for line in text.split("\n")]) is expected


def test_years_as_names_are_said(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("country,2010,2011\nfrance,1.5,2.5\nspain,2,3\n")
    assert read_table(path).frame.columns.tolist() == ["country", "2010", "2011"]
    assert notes(path) == [
        "The first row holds numbers in order ('country', '2010', '2011'), which are taken for the "
        "names of the columns. If it is data, set data.header: none."
    ]


def test_a_decimal_comma_is_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;b\n1,5;2,5\n2,5;3,5\n")
    assert read_table(path).frame.to_dict("list") == {"a": [1.5, 2.5], "b": [2.5, 3.5]}
    path.write_text("tags,n\na;b,1\nc;d,2\n")
    assert read_table(path).frame["tags"].tolist() == ["a;b", "c;d"]


@pytest.mark.parametrize("na", [None, ("?", "-999")])
def test_what_is_missing_is_set_or_what_pandas_takes(tmp_path: Path, na: Any) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,word\n-999,NA\n5,?\n6,b\n,\n")
    table = read_table(path, wanted=TextFormat(na=na))
    words = [None if pd.isna(word) else word for word in table.frame["word"]]
    assert words == ([None, "?", "b", None] if na is None else ["NA", None, "b", None])
    assert table.frame["x"].isna().tolist() == [na is not None, False, False, True]
    word = "NA" if na is None else "?"
    assert [note.text for note in table.notes] == [
        f"'{word}' counts as missing in 'word' (1). If it is a value of its own, list in data.na "
        "what is missing, or write data.na: []."
    ]


def test_a_wrong_encoding_is_one_clear_error(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", encoding="cp1252")
    with pytest.raises(DataError, match=r"cannot be read as \.csv: it is not text in utf-8: .*"):
        read_table(path, wanted=TextFormat(encoding="utf-8"))


def test_long_identifiers_keep_their_digits(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,x\n100000000000000000001,1e300\n100000000000000000002,1e17\n")
    frame = read_table(path).frame
    assert frame["id"].tolist() == ["100000000000000000001", "100000000000000000002"]
    assert frame["x"].tolist() == [1e300, 1e17]


@pytest.mark.parametrize(
    "text",
    [
        '[{"id": "007", "n": 1}, {"id": "8", "n": null}]',
        '{"id": ["007", "8"], "n": [1, null]}',
        '{"columns": ["id", "n"], "index": [0, 1], "data": [["007", 1], ["8", null]]}',
        '{"rows": [{"id": "007", "n": 1}, {"id": "8"}]}',
        '{"id": "007", "n": 1}\n{"id": "8", "n": null}\n',
    ],
)
def test_json_is_read_whatever_way_it_lists_the_rows(tmp_path: Path, text: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    frame = read_table(path).frame
    assert frame["id"].tolist() == ["007", "8"]
    assert frame["n"].dtype == "float64"


def test_json_that_is_no_table_is_one_clear_error(tmp_path: Path) -> None:
    for text in ("5", "[1, 2]", '{"a": 1}', "{"):
        (tmp_path / "t.json").write_text(text)
        with pytest.raises(DataError, match=r"cannot be read as \.json"):
            read_table(tmp_path / "t.json")


def test_the_first_sheet_of_a_workbook_is_read(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    PLAIN.to_excel(tmp_path / "t.xlsx", index=False)
    assert read_table(tmp_path / "t.xlsx").frame.to_dict("list") == PLAIN.to_dict("list")
    (tmp_path / "t.xlsx").write_bytes(b"no workbook")
    with pytest.raises(DataError, match="cannot be unpacked"):
        read_table(tmp_path / "t.xlsx")
