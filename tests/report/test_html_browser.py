"""The report in a browser: nothing sticks out or is reported, on a desk or on a phone."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from excerpts import media, plain, with_excerpt
from reported import MadeStudy, make

from dlrun.contract.trial import ProbeScore
from dlrun.evidence.compare import compare
from dlrun.report.page import to_html
from dlrun.tracking.tables import probe_scores_table

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WIDTHS = (1280, 390)
LABELS = (("no", "fifteen letters"), tuple(f"a rather long class {k}" for k in range(9)), ())
# A window cannot be as narrow as a phone, a frame can.
MEASURE = """
<script>
addEventListener("load", () => {
  for (const frame of document.querySelectorAll("iframe")) {
    const root = frame.contentDocument.documentElement, inner = frame.contentWindow.innerWidth;
    const out = [...root.querySelectorAll("svg text")].filter(text => {
      const box = text.getBoundingClientRect();
      return box.width && (box.left < -1 || box.right > inner + 1);
    });
    const line = document.createElement("p");
    line.textContent = `${inner}: page ${root.scrollWidth}, words outside ${out.length}`;
    document.body.append(line);
  }
});
</script>
"""


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_nothing_sticks_out(tmp_path: Path) -> None:
    frames = "".join(
        f'<iframe srcdoc="{escape(page)}" width="{width}" height="900"></iframe>'
        for page in map(_page, LABELS)
        for width in WIDTHS
    )
    file = tmp_path / "frames.html"
    file.write_text(f"<!doctype html><meta charset=utf-8><body>{frames}{MEASURE}", encoding="utf-8")
    done = subprocess.run(
        [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'chrome'}", "--virtual-time-budget=3000",
            "--enable-logging=stderr", "--window-size=1400,1000", "--dump-dom", file.as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found = re.findall(r"<p>(\d+): page (\d+), words outside (\d+)</p>", done.stdout)
    assert [(int(inner), int(page) <= int(inner), n) for inner, page, n in found] == [
        (width, True, "0") for _ in LABELS for width in WIDTHS
    ]
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []


def _page(labels: tuple[str, ...]) -> str:
    study = make(
        "mlp", "linear", "hist_gradient_boosting", "a_very_long_name_that_somebody_chose_" * 2,
        "dummy", labels=labels, failed=("linear",), n_folds=10,
    )  # fmt: skip
    study = with_excerpt(study, plain() if labels else media())
    study = replace(study, probe_scores=probe_scores_table([*_measured(study)]))
    page = to_html([study], compare([study]))
    assert all(f'<h2 id="{name}"' in page for name in ("learning", "importance", "stress"))
    return page


def _measured(study: MadeStudy) -> Iterator[ProbeScore]:
    """Yield scores that every further section is drawn from."""
    metric = study.metrics[0]
    aspects = [("learning_curve", "", size / 200, size) for size in (25, 50, 100)]
    aspects += [("importance", name, 1.0, 200) for name in ("x", "y", "z patch 1,1", "z patch 1,2")]
    aspects += [("noise", "", level, 200) for level in (0.1, 0.3)] + [("label_noise", "", 0.2, 200)]
    for row in study.trials[study.trials["status"] == "ok"].to_dict("records"):
        for aspect, name, level, n_train in aspects:
            score = row[metric] * (1 - 0.1 * level)
            yield ProbeScore(
                row["candidate"], row["family"], aspect, name, level, row["step"], n_train, score
            )
