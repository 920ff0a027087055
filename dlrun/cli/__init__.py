"""The command line: one module per verb, which parses, calls and prints."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from dlrun.cli.bench import bench
from dlrun.cli.check import check
from dlrun.cli.compare import compare
from dlrun.cli.curve import curve
from dlrun.cli.doctor import doctor
from dlrun.cli.explain import explain
from dlrun.cli.init import init
from dlrun.cli.inside import inside
from dlrun.cli.launch import launch
from dlrun.cli.list import list_names
from dlrun.cli.plan import plan
from dlrun.cli.predict import predict
from dlrun.cli.push import push
from dlrun.cli.recipe_verb import RecipeVerb
from dlrun.cli.schema import schema
from dlrun.cli.selftest import selftest
from dlrun.cli.studies import studies
from dlrun.cli.train import train
from dlrun.cli.ui import ui
from dlrun.cli.validate import validate
from dlrun.errors import DlrunError
from dlrun.system.forced_exit import leave
from dlrun.system.signals import EXIT_CODES
from dlrun.system.terminal import clean_output
from dlrun.system.version import __version__

app = typer.Typer(
    name="dlrun",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

OUT_OF_MEMORY = (
    "The memory of this machine does not suffice. Take fewer rows, data.max_rows; read them from "
    "the disk, data.stream: true; or lower execution.workers."
)
VERBS = (
    train, plan, compare, curve, inside, predict, explain, ui, validate, init, schema, bench, check,
    doctor, push, selftest, launch,
)  # fmt: skip
OF_RECIPES = (train, plan, bench, curve, validate, launch)
for _verb in VERBS:
    app.command(cls=RecipeVerb if _verb in OF_RECIPES else None)(_verb)
app.command("list")(list_names)
app.add_typer(studies, name="studies")


def _print_version(asked: bool) -> None:
    if asked:
        print(f"dlrun {__version__}")
        raise typer.Exit


@app.callback()
def _dlrun(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Deep learning or classic machine learning? One recipe, the same splits, a measured answer."""


def main() -> None:
    """Run a verb; an expected failure is one message on stderr and an exit code."""
    with clean_output():
        _run()


def _run() -> None:
    try:
        app(prog_name="dlrun")
    except DlrunError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except MemoryError:
        print(OUT_OF_MEMORY, file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader has ended (`dlrun compare | head`); Python must not flush stdout.
        sys.stdout = None
        sys.exit(0)
    except SystemExit as end:
        if isinstance(end.code, int) and end.code in EXIT_CODES:  # stopped by a signal
            leave(end.code)
        raise
