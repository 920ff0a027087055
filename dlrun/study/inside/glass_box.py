"""How a glass box among the candidates decides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlrun.contract.glass_box import Readable

if TYPE_CHECKING:
    from dlrun.contract.inside import Inside
    from dlrun.study.inside.context import InsideContext


def add_glass_box(context: InsideContext, inside: Inside) -> Inside:
    """Add the rules of a shallow tree, or the terms of an explainable boosting machine."""
    fitted = context.fitted
    found = fitted.read_glass_box() if isinstance(fitted, Readable) else None
    return replace(inside, glass_box=found) if found else inside
