"""The excerpt of a study's data as JSON, an artifact of its parent run."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from dlrun.contract.excerpt import DataExcerpt, Distribution, ShownCell

EXCERPT: Final = "excerpt.json"


def excerpt_to_json(excerpt: DataExcerpt) -> str:
    """Write an excerpt; row ids are strings, as JSON wants its keys."""
    return json.dumps(asdict(excerpt), ensure_ascii=False, separators=(",", ":"))


def excerpt_from_json(text: str) -> DataExcerpt:
    """Read what `excerpt_to_json` wrote."""
    found: dict[str, Any] = json.loads(text)
    target = found["target"]
    return DataExcerpt(
        n_rows=found["n_rows"],
        n_columns=found["n_columns"],
        target=_distribution(target) if target else None,
        columns=tuple(map(_distribution, found["columns"])),
        rows={
            int(row_id): {name: _cell(cell) for name, cell in cells.items()}
            for row_id, cells in found["rows"].items()
        },
        inputs={int(row_id): value for row_id, value in found.get("inputs", {}).items()},
    )


def _distribution(found: dict[str, Any]) -> Distribution:
    return Distribution(**{key: _frozen(value) for key, value in found.items()})


def _cell(found: dict[str, Any]) -> ShownCell:
    return ShownCell(**{key: _frozen(value) for key, value in found.items()})


def _frozen(value: Any) -> Any:
    """Replace lists by tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
