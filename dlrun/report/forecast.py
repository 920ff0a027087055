"""A forecast as a table, as a sentence and as plain values."""

from __future__ import annotations

import json
from math import floor, log10
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from dlrun.evidence.formatting import counted, duration
from dlrun.report.terminal import FAMILY_STYLES

if TYPE_CHECKING:
    from dlrun.contract.forecast import CandidateForecast, Forecast

CLEAR_RATIO: Final = 1.1  # of the longest to the expected seconds, below which it is not named


def forecast_table(forecast: Forecast) -> Table:
    """Return a table of the fits of every candidate and their seconds."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, header_style="dim", border_style="dim")
    table.add_column("candidate", no_wrap=True)
    for title in ("fits", "each", "all"):
        table.add_column(title, justify="right", no_wrap=True)
    for each in forecast.candidates:
        name = Text(each.name, style=FAMILY_STYLES[each.family])
        table.add_row(name, f"{each.n_fits:,}", *map(Text, _times(each)))
    if forecast.n_final:
        final = about(forecast.final_seconds)
        table.add_row("final model", f"{forecast.n_final:,}", "", final)
    table.add_row(
        Text("start, tracking, report", style="dim"), "", "", about(forecast.overhead_seconds)
    )
    return table


def _times(candidate: CandidateForecast) -> tuple[str, str]:
    mark = "≈ " if candidate.is_guess else ""
    each = candidate.seconds / max(1, candidate.n_fits)
    return mark + about(each), mark + about(candidate.seconds)


def forecast_sentence(forecast: Forecast) -> str:
    """Write "130 fits: about 2 min, 1.2 GB of memory, 9 MB on the disk"."""
    workers = f" with {forecast.n_workers} workers" if forecast.n_workers > 1 else ""
    longest = forecast.longest.seconds
    limit = ""
    if longest > CLEAR_RATIO * forecast.seconds:
        limit = f" ({about(longest)} if no network stops early)"
    return (
        f"{counted(forecast.n_fits, 'fit')}{workers}: about {about(forecast.seconds)}{limit}, "
        f"{size(forecast.memory_mb)} of memory, {size(forecast.disk_mb)} on the disk"
    )


def about(seconds: float) -> str:
    """Format an estimated duration with two digits: "2 min 20 s", "55 min", "0.04 s"."""
    if seconds < 0.01:  # noqa: PLR2004
        return "0.01 s"
    if seconds < 100:  # noqa: PLR2004
        rounded = round(seconds, 1 - floor(log10(seconds)))
        return duration(rounded)
    step = 10 if seconds < 600 else 60 if seconds < 7200 else 600  # noqa: PLR2004
    return duration(step * round(seconds / step)).removesuffix(" 00 s").removesuffix(" 00 min")


def size(megabytes: float) -> str:
    """Format a size: "9 MB", "1.2 GB"."""
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1000 else f"{max(1, round(megabytes))} MB"  # noqa: PLR2004


def forecast_json(forecast: Forecast) -> str:
    """Write the forecast."""
    candidates = [
        {
            "name": each.name,
            "family": each.family,
            "kind": each.kind,
            "fits": each.n_fits,
            "seconds": each.seconds,
            "is_guess": each.is_guess,
        }
        for each in forecast.candidates
    ]
    values: dict[str, object] = {
        "fits": forecast.n_fits,
        "seconds": forecast.seconds,
        "longest_seconds": forecast.longest.seconds,
        "memory_mb": forecast.memory_mb,
        "disk_mb": forecast.disk_mb,
        "workers": forecast.n_workers,
        "timing_seconds": forecast.timing_seconds,
        "candidates": candidates,
    }
    return json.dumps(values, indent=2)
