"""What a check raises, and how checks are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

Subject = TypeVar("Subject")


class CheckError(AssertionError):
    """A part of dlrun breaks a promise."""


def require(holds: object, message: str) -> None:
    """Raise the message unless the promise holds.

    Raises:
        CheckError: it does not.
    """
    if not holds:
        raise CheckError(message)


def run_all(checks: Iterable[Callable[[Subject], None]], subject: Subject) -> None:
    """Run all checks; the first promise that is broken ends them."""
    for check in checks:
        check(subject)
