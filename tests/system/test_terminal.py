"""No text of a recipe, a table or a store commands the terminal."""

from __future__ import annotations

import ast
import sys
from io import StringIO
from pathlib import Path

import pytest

import dlrun
from dlrun.system.terminal import CleanStream, clean, clean_output, data_output, open_console

EVIL = "\x1b]0;title\x07\x1b[2J\x9b2Ja\u202eb\r\udc80"


def test_control_characters_are_removed() -> None:
    assert clean(f"{EVIL}\tc\n") == "]0;title[2J2Jab\tc\n"


def test_prints_are_clean_and_masked() -> None:
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with clean_output():
            print(EVIL, "http://me:secret@host")
            sys.stderr.writelines([EVIL, "x"])
            print(EVIL, file=data_output())
        assert (sys.stdout, sys.stderr) == (out, err)
    assert out.getvalue() == f"]0;title[2J2Jab http://me:***@host\n{EVIL}\n"
    assert err.getvalue() == "]0;title[2J2Jabx"


def test_data_on_a_terminal_are_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdout", CleanStream(terminal))
    print(EVIL, file=data_output())
    assert terminal.getvalue() == "]0;title[2J2Jab\n"


def test_a_console_keeps_its_own_colours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.table import Table
    from rich.text import Text

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    out = StringIO()
    monkeypatch.setattr(sys, "stdout", CleanStream(out))
    console = open_console()
    table = Table("name", EVIL)
    table.add_row(EVIL, Text(EVIL, style="red"))
    console.print(table)
    console.print(f"[bold]{EVIL}[/]")
    written = out.getvalue()
    assert "\x1b[31m" in written
    assert not {"\x1b]0;", "\x1b[2J", "\x9b", "\u202e", "\r"} & {
        each for each in ("\x1b]0;", "\x1b[2J", "\x9b", "\u202e", "\r") if each in written
    }


def test_nothing_else_makes_a_console() -> None:
    """A plain console would write names as they are."""
    for file in Path(dlrun.__file__).parent.rglob("*.py"):
        made = [
            node.lineno
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Console")
        ]
        assert not made or (file.name == "terminal.py" and file.parent.name == "system"), file
