"""Excerpts of data for reports: every kind of cell, and texts that try to be markup."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from io import BytesIO

import numpy as np
import soundfile
from PIL import Image
from reported import MadeStudy

from dlrun.contract.excerpt import DataExcerpt, Distribution, ShownCell
from dlrun.evidence.compare import compare
from dlrun.report.context import build_context

BAD = "<script>alert('&\"')</script>"


def media() -> dict[str, ShownCell]:
    """Make a cell of every form but the plain one."""
    picture, sound = BytesIO(), BytesIO()
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(picture, "PNG")
    soundfile.write(sound, np.zeros(800), 8000, format="FLAC")
    return {
        f"scan {BAD}": ShownCell("image", "8 × 8 grayscale", _data("image/png", picture)),
        "voice": ShownCell("sound", "0.1 s", _data("audio/flac", sound)),
        "review": ShownCell("quote", f"{BAD} {'word ' * 100}{'a' * 300}"),
        "pulse": ShownCell("line", "5 steps", lines=((0.0, 1.0, None, 2.0, 1.0), (1.0,) * 5)),
    }


def _data(kind: str, file: BytesIO) -> str:
    return f"{kind};base64,{b64encode(file.getvalue()).decode()}"


def plain() -> dict[str, ShownCell]:
    """Make plain cells, one of them empty."""
    names = ("carrier", "distance", BAD, "a_very_long_name_that_somebody_chose", "tail")
    texts = (BAD, "1400", "", "x" * 500, "N100")
    return {name: ShownCell("plain", text) for name, text in zip(names, texts, strict=True)}


def with_excerpt(study: MadeStudy, cells: dict[str, ShownCell]) -> MadeStudy:
    """Add an excerpt: distributions of every kind, and the rows that candidates predict worst."""
    labels = study.labels[:10] or ("",)
    rows = build_context([study], compare([study])).worst_rows
    columns = tuple(
        Distribution(
            column, measure, 0.125, strength, edges, is_date, names, labels,
            tuple(tuple(range(n)) for _ in labels),
            () if study.labels else tuple((k, k + 1.0, k + 2.0) if k else None for k in range(n)),
        )
        for column, measure, strength, edges, is_date, names, n in (
            ("distance", "", 0.5, (0.0, 1.0, 3.0, 4.0), False, (), 3),
            ("when", "", 0.25, (1.7e9, 1.71e9, 1.72e9), True, (), 2),
            ("review", "words", 0.001, (0.5, 1.5, 2.5), False, (), 2),
            (BAD, "", 0.0, (), False, ("a name of many, many letters", BAD, "other values"), 3),
        )
    )  # fmt: skip
    target = None
    if not study.labels:
        target = Distribution("late", "", 0, 0, (0.0, 1.0, 2.0), False, (), ("",), ((3, 4),), ())
    excerpt = DataExcerpt(300, 40, target, columns, dict.fromkeys(rows, cells))
    return replace(study, excerpt=excerpt)
