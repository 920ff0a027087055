"""`dlrun explain`: one row's way through the models of a study."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from dlrun.api import load

pytestmark = [pytest.mark.tf, pytest.mark.slow]


@pytest.fixture(scope="module")
def explained(study, dlrun):
    """Row 7, explained by the network and the best classic model, as JSON."""
    folder, _ = study
    ran = dlrun("explain", "last", "7", "--candidate", "mlp", "--json", cwd=folder)
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_a_row_goes_through_the_network_to_its_prediction(study, dlrun, explained):
    folder, _ = study
    first, second = explained["predictions"]
    assert (first["candidate"], first["family"], second["family"]) == ("mlp", "deep", "classic")
    frame = pd.read_csv(folder / "churn.csv")
    assert explained["truth"] == frame["churned"][7]
    frame.iloc[[7]].to_csv(folder / "one.csv", index=False)
    ran = dlrun("predict", "last", "one.csv", "--candidate", "mlp", cwd=folder)
    said = ran.out.splitlines()[1].split(",")
    assert first["answers"]["prediction"] == said[-3]
    outputs = {each["label"]: each["value"] for each in first["trace"]["outputs"]}
    assert outputs["yes"] == pytest.approx(float(said[-1]), abs=1e-6)
    checks = [layer["check"] for layer in first["trace"]["layers"] if layer["check"]]
    assert checks and all(check["difference"] <= check["tolerance"] for check in checks)
    assert second["trace"] is None and second["features"]["n_features"] > 0


def test_the_model_says_whether_it_was_trained_on_the_row(study, dlrun, explained):
    folder, _ = study
    tested = load("last", uri=f"sqlite:///{folder}/mlflow.db").predictions("mlp")
    is_test = 7 in set(tested.loc[tested["fold"] == 2, "row_id"])
    assert ("one of its test rows" in explained["predictions"][0]["seen"]) == is_test
    kept = dlrun("explain", "last", "7", "--json", cwd=folder)
    seen = json.loads(kept.out)["predictions"][0]["seen"]
    assert seen == "It was trained on this row, whose prediction is no test therefore."


def test_the_terminal_shows_every_step(study, dlrun):
    folder, _ = study
    ran = dlrun("explain", "last", "churn.csv", "--row", "3", "--candidate", "mlp", cwd=folder)
    assert ran.code == 0, ran.err
    for text in (
        "row 3 of churn.csv", "as the network gets it", "checked against NumPy",
        "other products", "p = 1 / (1 + exp(−z))", "What moved it",
    ):  # fmt: skip
        assert text in ran.out


def test_the_page_needs_no_other_file(study, dlrun):
    folder, _ = study
    ran = dlrun("explain", "last", "3", "--html", "row.html", cwd=folder)
    assert (ran.code, ran.out, ran.err.splitlines()[-1]) == (0, "", "row.html written")
    page = (folder / "row.html").read_text(encoding="utf-8")
    assert "default-src &#39;none&#39;" in page
    assert "checked against NumPy" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["999"], "row 999: the study has no such row. It has 240 rows, from 0 to 239"),
        (["1", "--row", "2"], "--row: it chooses a row of a file, and 1 is a row of the study"),
        (["1", "--candidate", "nosuch"], "has no candidate 'nosuch'. It has: "),
        (
            ["1", "--candidate", "mlp", "--method", "magic"],
            "--method: 'magic' does not explain mlp",
        ),
        (["nosuch.csv"], "nosuch.csv"),
        (
            ["churn.csv", "--row", "240"],
            "churn.csv has 240 rows, counted from 0",
        ),
    ],
    ids=["row", "row of a row", "candidate", "method", "file", "row of a file"],
)
def test_what_is_not_there_is_named(study, dlrun, arguments, message):
    ran = dlrun("explain", "last", *arguments, cwd=study[0])
    assert (ran.code, message in ran.err) == (2, True), ran.err


def test_predict_adds_the_reasons_of_each_row(study, dlrun, explained):
    folder, _ = study
    pd.read_csv(folder / "churn.csv")[:12].to_csv(folder / "new.csv", index=False)
    arguments = ["predict", "last", "new.csv", "--candidate", "mlp", "--explain"]
    ran = dlrun(*arguments, "-o", "reasons.csv", cwd=folder)
    assert ran.code == 0, ran.err
    assert "reasons: " in ran.err and " of the prediction" in ran.err
    found = pd.read_csv(folder / "reasons.csv")
    assert [*found][-1] == "reasons" and len(found) == 12
    part = r"(tenure \(Monate\)|plan|since) = [^(]+ \([+−][\d.e-]+\)"
    assert found["reasons"].str.fullmatch(rf"{part}(, {part}){{0,2}}").all()
    strongest = explained["predictions"][0]["attribution"]["reasons"][:3]
    assert [each.rpartition(" (")[0] for each in found["reasons"][7].split(", ")] == [
        each["part"] for each in strongest
    ]
