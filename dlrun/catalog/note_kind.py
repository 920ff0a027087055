"""A kind of note."""

from __future__ import annotations

from dataclasses import dataclass

from dlrun.contract.note import Note


@dataclass(frozen=True)
class NoteKind:
    """A kind of note.

    Attributes:
        code: `DLR` and three digits.
        title: a few words, for a list.
        rule: when exactly it is given, as a sentence for the documentation.
        spoils_verdict: a fault of the data that stands beside every verdict on them, too.
    """

    code: str
    title: str
    rule: str
    spoils_verdict: bool = False

    def note(self, text: str) -> Note:
        """Return a note of this kind."""
        return Note(self.code, text)
