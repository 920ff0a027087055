"""The one place through which text goes to the terminal: without control characters and secrets."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from dlrun.system.secrets import mask

if TYPE_CHECKING:
    from rich.console import Console

# Escape sequences move the cursor, clear the screen or rename the window; others turn the direction
# of writing around. Only line breaks and tabs are left. A lone surrogate cannot be printed.
CONTROL: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean(text: str) -> str:
    r"""Remove control characters from a text: names of columns, say, are other people's.

    >>> clean("\x1b[2Jage")
    '[2Jage'
    """
    return CONTROL.sub("", text)


class CleanStream:
    """A text stream to which text is written clean."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a text; return its length, as streams do."""
        self.stream.write(mask(clean(text)))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextmanager
def clean_output() -> Iterator[None]:
    """Clean what is printed within, on stdout and stderr."""
    out, err = sys.stdout, sys.stderr
    clean_out, clean_err = cast("TextIO", CleanStream(out)), cast("TextIO", CleanStream(err))
    sys.stdout, sys.stderr = clean_out, clean_err
    try:
        yield
    finally:
        if sys.stdout is clean_out:
            sys.stdout = out
        if sys.stderr is clean_err:
            sys.stderr = err


def data_output() -> TextIO:
    """Return stdout for data, which are clean on a terminal and unchanged in a file or a pipe."""
    stream: Any = sys.stdout
    is_file = isinstance(stream, CleanStream) and not stream.isatty()
    return cast("TextIO", stream.stream if is_file else stream)


def open_console() -> Console:
    """Return a console on stdout that writes clean text between its own control characters."""
    from rich.console import Console
    from rich.segment import Segment

    class CleanConsole(Console):
        def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
            for text, style, control in super().render(renderable, options):
                written = text if control else mask(clean(text))
                yield Segment(written, style, control)

    stream: Any = sys.stdout
    file = stream.stream if isinstance(stream, CleanStream) else None
    return CleanConsole(file=file, highlight=False)
