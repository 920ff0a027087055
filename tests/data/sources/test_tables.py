from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from dlrun.data.sources.tables import read_table, write_table
from dlrun.errors import DataError

TABLE = pd.DataFrame(
    {
        "größe, cm": [1.5, None, 1e-3],
        "name": ["a, b", 'say "no"', None],
        "行": [1, 2, 3],
        "ok": [True, False, True],
    }
)
PLAIN = ["csv", "tsv", "parquet", "jsonl", "feather"]


@pytest.mark.parametrize("packed", ["", ".gz", ".zst", ".zip"])
@pytest.mark.parametrize("kind", PLAIN)
def test_a_table_survives_the_round_trip(tmp_path: Path, kind: str, packed: str) -> None:
    path = tmp_path / f"Daten ü.{kind}{packed}"
    write_table(TABLE, path)
    pd.testing.assert_frame_equal(read_table(path).frame, TABLE)


def test_gz_and_zip_are_the_real_formats(tmp_path: Path) -> None:
    write_table(TABLE, tmp_path / "t.csv.gz")
    write_table(TABLE, tmp_path / "t.csv.zip")
    text = TABLE.to_csv(index=False)
    assert gzip.decompress((tmp_path / "t.csv.gz").read_bytes()).decode() == text
    with zipfile.ZipFile(tmp_path / "t.csv.zip") as archive:
        assert archive.namelist() == ["t.csv"]


def test_a_zip_is_read_by_the_name_inside(tmp_path: Path) -> None:
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("deep/inside.tsv", "a\tb\n1\tx\n")
    assert read_table(path).frame.to_dict("list") == {"a": [1], "b": ["x"]}


def csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    assert list(read_table(csv(tmp_path, "ä,b\n1,2\n", "utf-8-sig")).frame) == ["ä", "b"]
    path = tmp_path / "t.jsonl"
    path.write_bytes('{"ä": 1}\n'.encode("utf-8-sig"))
    assert list(read_table(path).frame) == ["ä"]


def test_missing_values_are_those_of_pandas(tmp_path: Path) -> None:
    words = ["NA", "None", "null", "n/a", "", "#N/A", "nan", "<NA>"]
    text = "word,number\n" + "".join(f"{word},{word}\n" for word in words) + "nil,1\n"
    mine = read_table(csv(tmp_path, text)).frame
    theirs = pd.read_csv(io.StringIO(text))
    assert mine["word"].isna().tolist() == theirs["word"].isna().tolist() == [True] * 8 + [False]
    assert mine["number"].dtype == theirs["number"].dtype == "float64"


def test_columns_named_as_text_stay_as_written(tmp_path: Path) -> None:
    path = csv(tmp_path, "zip,n\n01234,01\nNA,2\n99999,3\n")
    assert read_table(path, text=["zip", "absent"]).frame["zip"].tolist()[::2] == ["01234", "99999"]
    assert read_table(path).frame["zip"].tolist()[::2] == [1234, 99999]


def test_a_time_of_day_stays_as_written(tmp_path: Path) -> None:
    assert read_table(csv(tmp_path, "at\n09:30\n17:05\n")).frame["at"].tolist() == [
        "09:30",
        "17:05",
    ]


def test_dates_are_read_as_dates(tmp_path: Path) -> None:
    frame = read_table(csv(tmp_path, "day,at\n2013-01-31,2013-01-31 09:30:00\n,\n")).frame
    assert [dtype.kind for dtype in frame.dtypes] == ["M", "M"]


def test_semicolons_are_understood(tmp_path: Path) -> None:
    assert read_table(csv(tmp_path, "a;b\n1;x\n")).frame.to_dict("list") == {"a": [1], "b": ["x"]}


def test_what_arrow_refuses_pandas_reads(tmp_path: Path) -> None:
    ragged = read_table(csv(tmp_path, "a,b\n0.1,x\n2\n")).frame
    assert ragged["a"].tolist() == [0.1, 2.0]
    assert ragged["b"].isna().tolist() == [False, True]


def test_an_index_that_pandas_wrote_has_the_name_that_pandas_gives_it(tmp_path: Path) -> None:
    path = csv(tmp_path, TABLE.to_csv())
    assert next(iter(read_table(path).frame)) == "Unnamed: 0"


def test_a_named_index_becomes_a_column_and_a_nameless_one_goes(tmp_path: Path) -> None:
    named = pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 8], name="id"))
    named.to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").frame.to_dict("list") == {"id": [7, 8], "a": [1, 2]}
    named.rename_axis(None).to_parquet(tmp_path / "t.parquet")
    assert read_table(tmp_path / "t.parquet").frame.to_dict("list") == {"a": [1, 2]}


def test_jsonl_keeps_what_json_says(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"id": "007", "date": "2012-01-01", "n": 1}\n\n{"id": "8", "n": null}\n')
    frame = read_table(path).frame
    assert frame["id"].tolist() == ["007", "8"]
    assert frame["date"].iloc[0] == "2012-01-01"
    assert frame["n"].dtype == "float64"


ALLOWED = (
    ".csv, .tsv, .txt, .dat, .data, .parquet, .jsonl, .json, .feather, .xlsx, alone or in a .gz, "
    ".zst or .zip"
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.xls", b"x", f".xls is not a kind of table. Allowed: {ALLOWED}"),
        ("t", b"x", f"no suffix is not a kind of table. Allowed: {ALLOWED}"),
        (
            "t.bin.gz",
            gzip.compress(b"x", mtime=0),
            f".bin is not a kind of table. Allowed: {ALLOWED}",
        ),
        ("t.csv", b"a,b\n", "the table has no rows."),
        ("t.jsonl", b"\n", "the table has no rows."),
        ("t.csv", b"", "the file is empty."),
        (
            "t.csv",
            b"a,b\n1,2,3\n4,5,6\n",
            "cannot be read as .csv: the rows have more fields than the header has names.",
        ),
        (
            "t.jsonl",
            b'{"a": 1}\n{a: 1}\n',
            "cannot be read as .jsonl: line 2 is not JSON: Expecting property name enclosed in "
            "double quotes: line 1 column 2 (char 1)",
        ),
        (
            "t.jsonl",
            b"[1, 2]\n",
            "cannot be read as .jsonl: line 1 is not an object with one key per column.",
        ),
        ("t.csv.zip", b"no archive", "cannot be unpacked: File is not a zip file"),
    ],
)
def test_what_cannot_be_read_is_one_clear_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert str(caught.value) == f"{path}: {message}"


def test_damaged_files_say_what_kind_they_should_be(tmp_path: Path) -> None:
    for name in ("t.parquet", "t.feather"):
        path = tmp_path / name
        path.write_bytes(b"not a table at all")
        with pytest.raises(DataError) as caught:
            read_table(path)
        assert str(caught.value).startswith(f"{path}: cannot be read as {path.suffix}: ")
    (tmp_path / "t.csv.gz").write_bytes(b"not compressed")
    with pytest.raises(DataError, match=r"t\.csv\.gz: cannot be unpacked: "):
        read_table(tmp_path / "t.csv.gz")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "t.csv")
    assert str(caught.value) == f"{tmp_path / 't.csv'}: there is no such file."


def test_columns_of_the_same_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_table(csv(tmp_path, "a,b,a\n1,2,3\n"))
    expected = f"{tmp_path / 't.csv'}: several columns have the same name: 'a'. Rename them."
    assert str(caught.value) == expected


def test_archives_of_anything_but_one_table_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
        archive.writestr("b.csv", "a\n1\n")
    with pytest.raises(DataError) as caught:
        read_table(path)
    expected = f"{path}: an archive must hold one table, but this one holds a.csv, b.csv."
    assert str(caught.value) == expected
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", "")
    with pytest.raises(DataError) as caught:
        read_table(path)
    assert str(caught.value) == (
        f"{path}: an archive must hold one table, but this one holds cat/1.png."
    )


def test_what_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with pytest.raises(DataError) as caught:
        write_table(TABLE, path)
    assert str(caught.value) == (
        f"{path}: .xlsx cannot be written. Allowed: .csv, .tsv, .parquet, .jsonl, .feather, alone "
        "or in a .gz, .zst or .zip"
    )
    path = tmp_path / "nowhere" / "t.csv"
    with pytest.raises(DataError) as caught:
        write_table(TABLE, path)
    assert str(caught.value) == (f"{path}: cannot be written: No such file or directory")
