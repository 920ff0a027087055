"""A note for the user: what was changed, guessed, or should be known before a result is used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A sentence or two, with the code by which a recipe mutes it.

    Attributes:
        code: of a row of `dlrun.catalog.notes`.
        text: whole sentences, without the code.
    """

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} [{self.code}]"
