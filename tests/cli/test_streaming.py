"""A table that is streamed, the whole way: checked, trained on, compared, predicted from."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.tf

RECIPE = """\
name: streamed
data: {source: visits, target: bought, stream: true}
model: {architecture: mlp, hidden: [8]}
training: {epochs: 6, learning_rate: 5e-3}
baselines: [naive_bayes, decision_tree]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streamed")
    rng = np.random.default_rng(0)
    n_rows = 4000
    table = pd.DataFrame(
        {
            "minutes": rng.gamma(2.0, 10.0, n_rows),
            "shop": rng.choice(["Köln", "Lyon", None], n_rows),
            "day": pd.to_datetime("2023-01-01")
            + pd.to_timedelta(rng.integers(0, 700, n_rows), unit="D"),
        }
    )
    late = (table["minutes"] > 15) ^ (rng.random(n_rows) < 0.1)
    table["bought"] = np.where(late, "yes", "no")
    (folder / "visits").mkdir()
    for number in range(4):
        part = table[number * 1000 : (number + 1) * 1000]
        part.to_parquet(folder / "visits" / f"{number}.parquet", row_group_size=200)
    (folder / "streamed.yaml").write_text(RECIPE, encoding="utf-8")
    table.head(20).to_csv(folder / "new.csv", index=False)
    return folder


def test_a_streamed_study_from_its_check_to_its_predictions(folder, dlrun, monkeypatch):
    from dlrun.data.streaming import scan as survey

    monkeypatch.setattr(survey, "SAMPLE_SIZES", (1000, 300, 500))
    checked = dlrun("validate", "streamed.yaml", cwd=folder)
    assert checked.code == 0, checked.err
    said = " ".join(checked.out.split())
    assert "rows 4,000; shown are 1,800 of them, a sample of each part" in said
    assert re.search(r"splits 1: 2,[78]\d\d train, 300 validation, 500 test", said)
    assert "decision_tree learns from a sample of 1,000 of 2," in said

    ran = dlrun("train", "streamed.yaml", cwd=folder)
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert "data 4,000 rows: 1 number, 1 category, 1 datetime" in said
    assert "Streamed: training rows are read from 4 files in every epoch (data.stream)." in said
    assert re.search(r"The test part is 500 of [78]\d\d rows", said)
    scores = {
        row["name"]: row["mean"]
        for row in json.loads(dlrun("compare", "--json", cwd=folder).out)["rows"]
    }
    assert set(scores) == {"dummy", "naive_bayes", "decision_tree", "mlp", "blend"}
    assert scores["mlp"] > 0.7

    predicted = dlrun("predict", "last", "new.csv", "-o", "out.csv", cwd=folder)
    assert predicted.code == 0, predicted.err
    assert len(pd.read_csv(folder / "out.csv")) == 20
