"""What the header of a study says on its fits and on what they took before."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dlrun.recipe.load import parse_recipe
from dlrun.report.progress import Reporter, StudyHeader
from dlrun.study.outlook import UNKNOWN, describe_fits
from dlrun.study.plan import prepare

RECIPE = """\
name: iris
data: {source: sklearn:iris}
model: none
baselines: [linear]
evaluation: {folds: 3}
"""


class Headed(Reporter):
    def __init__(self) -> None:
        self.headers: list[StudyHeader] = []

    def start(self, header: StudyHeader) -> None:
        self.headers.append(header)


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ((), "6 on the splits, 1 on all rows"),
        (
            ("search={trials: 4, inner: validation}",),
            "6 on the splits, 12 of searches, 1 on all rows",
        ),
        (
            ("evaluation.learning_curve=[0.5]", "evaluation.refit=all"),
            "6 on the splits, 6 on varied rows, 2 on all rows",
        ),
        (("evaluation.refit=none",), "6 on the splits, of 2 candidates"),
    ],
)
def test_fits_are_counted_by_what_they_are_for(overrides: tuple[str, ...], text: str) -> None:
    assert describe_fits(prepare(parse_recipe(RECIPE, Path("iris.yaml"), overrides))) == text


def test_a_study_takes_what_the_last_one_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlrun.study.study import train

    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))
    uri = f"tracking.uri=sqlite:///{tmp_path}/mlflow.db"
    recipe = parse_recipe(RECIPE, tmp_path / "iris.yaml", [uri])
    reporter = Headed()
    for _ in range(2):
        train(recipe, reporter)
    first, second = reporter.headers
    assert first.expected == UNKNOWN
    assert [each.expected for each in first.plan] == [None, None]
    assert second.expected.startswith("about ")
    assert re.search(r"[MG]B of memory, as the study iris", second.expected)
    assert all(0 < each.expected < 30 for each in second.plan)
