"""Names in messages: lists of them, and the one that was probably meant."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def listed(names: Iterable[str], limit: int = 20) -> str:
    """Join names with commas; beyond `limit`, only count the others."""
    known = list(names)
    shown = ", ".join(known[:limit])
    return shown if len(known) <= limit else f"{shown} and {len(known) - limit} more"


def quoted(names: Iterable[str], limit: int = 20) -> str:
    """Join names in quotes, as `listed` does."""
    return listed((repr(name) for name in names), limit)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most similar to a misspelt one, in any case; None: none is."""
    folded = {other.casefold(): other for other in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    return folded[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the sentence ` Did you mean 'x'?`, or nothing when no known name is near."""
    near = nearest(name, known)
    return f" Did you mean {near!r}?" if near else ""


def suggest(name: str, known: Collection[str], allowed: str = "") -> str:
    """Return the sentence `Did you mean x?`, or `Allowed: …` when no known name is near.

    Args:
        name: a misspelt one.
        known: the right ones.
        allowed: what is allowed, in words; default: the names.

    >>> suggest("adm", ["adam", "sgd"])
    'Did you mean adam?'
    """
    near = nearest(name, known)
    return f"Did you mean {near}?" if near else f"Allowed: {allowed or ', '.join(known) or 'none'}"
