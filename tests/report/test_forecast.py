"""A forecast as it is shown."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from rich.console import Console

from dlrun.contract.forecast import CandidateForecast, Fits, Forecast, Pace, TimedFit
from dlrun.report.forecast import about, forecast_json, forecast_sentence, forecast_table, size

PACE = Pace((TimedFit(100, 1.0, epoch_seconds=0.5),), n_epochs=4, max_epochs=20)
FITS = (Fits("splits", 10, 100), Fits("search", 30, 100))
FORECAST = Forecast(
    (
        CandidateForecast("svm", "classic", FITS, Pace((TimedFit(100, 0.25),))),
        CandidateForecast("mlp", "network", FITS, PACE, is_guess=True),
    ),
    n_final=1,
    final_seconds=4.0,
    overhead_seconds=15.0,
    n_workers=2,
    memory_mb=2500,
    disk_mb=12.3,
)


def test_the_table_has_the_fits_and_seconds_of_each_candidate() -> None:
    console = Console(file=StringIO(), width=80)
    console.print(forecast_table(FORECAST))
    lines = [line.split() for line in console.file.getvalue().splitlines()]
    assert ["svm", "40", "0.25", "s", "10", "s"] in lines
    assert ["mlp", "40", "≈", "3.0", "s", "≈", "2", "min"] in lines
    assert ["final", "model", "1", "4.0", "s"] in lines


def test_the_sentence_says_fits_time_memory_and_disk() -> None:
    assert forecast_sentence(FORECAST) == (
        "81 fits with 2 workers: about 1 min 24 s (4 min if no network stops early), "
        "2.4 GB of memory, 12 MB on the disk"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0003, "0.01 s"), (0.123, "0.12 s"), (4.26, "4.3 s"), (34.6, "35 s"),
        (99.6, "1 min 40 s"), (134.0, "2 min 10 s"), (3300, "55 min"), (7300, "2 h"),
        (7700, "2 h 10 min"),
    ],
)  # fmt: skip
def test_an_estimate_has_two_digits(seconds: float, text: str) -> None:
    assert about(seconds) == text


def test_sizes_are_whole() -> None:
    assert [size(each) for each in (0.2, 9.4, 999.0, 1536.0)] == [
        "1 MB",
        "9 MB",
        "999 MB",
        "1.5 GB",
    ]


def test_json_has_the_same_numbers() -> None:
    values = json.loads(forecast_json(FORECAST))
    assert (values["fits"], values["workers"], values["disk_mb"]) == (81, 2, 12.3)
    assert values["seconds"] == FORECAST.seconds
    assert values["candidates"][1] == {
        "name": "mlp", "family": "deep", "kind": "network", "fits": 40, "seconds": 120.0,
        "is_guess": True,
    }  # fmt: skip
