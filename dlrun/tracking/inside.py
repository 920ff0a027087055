"""A look inside a candidate as JSON, an artifact of the candidate's run."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from dlrun.contract.inside import Inside
from dlrun.system.secrets import mask

INSIDE: Final = "inside.json"


def inside_to_json(inside: Inside) -> str:
    """Write what was found; NaN is written as Python does."""
    return json.dumps(asdict(inside), ensure_ascii=False, separators=(",", ":"))


def inside_from_json(text: str) -> Inside:
    """Read what `inside_to_json` wrote, here or in another version.

    Parts that are missing get their defaults; those that are unknown here are left out.
    """
    return _adapter().validate_python(json.loads(text))


@cache
def _adapter() -> TypeAdapter[Inside]:
    return TypeAdapter(Inside)


def log_inside(client: Any, run_id: str, inside: Inside) -> None:
    """Log what was found to the run of the candidate, in place of an earlier look."""
    client.log_text(run_id, mask(inside_to_json(inside)), INSIDE)
