"""Names in messages: what there is, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def listed(names: Iterable[str], limit: int = 20) -> str:
    """Join names with commas; beyond `limit` only say how many more there are."""
    known = list(names)
    shown = ", ".join(known[:limit])
    return shown if len(known) <= limit else f"{shown} and {len(known) - limit} more"


def quoted(names: Iterable[str], limit: int = 20) -> str:
    """Join names in quotes, as `listed` does."""
    return listed((repr(name) for name in names), limit)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return the sentence ` Did you mean 'x'?`, or nothing when no known name is near."""
    folded = {other.casefold(): other for other in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    return f" Did you mean {folded[near[0]]!r}?" if near else ""
