"""`dlrun check`: an architecture or an estimator of your own keeps what dlrun relies on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.cli.options import TrustModules, say

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlrun.testing.candidates import CandidateCase


def check(
    part: Annotated[
        str,
        typer.Argument(
            help="module:function of a network, package.module.Class of an estimator, or the name "
            "of an architecture or a baseline.",
            show_default=False,
        ),
    ],
    settings: Annotated[
        list[str] | None, typer.Argument(help="Its settings, key=value.", show_default=False)
    ] = None,
    trust_modules: TrustModules = None,
) -> None:
    """Check that a network or an estimator keeps the promises that dlrun relies on."""
    say(f"building {part} …")
    from dlrun.errors import DlrunError
    from dlrun.system.cost import pin_threads
    from dlrun.testing.candidates import CANDIDATE_CHECKS, NETWORK_CHECKS
    from dlrun.testing.errors import CheckError

    pin_threads()
    n_broken = 0
    for case in _cases(part, settings or [], trust_modules or ()):
        print(f"{part} on the sample {case.dataset.name!r}, {case.dataset.target.task}")
        is_network = case.candidate.framework == "tensorflow"
        for promise in NETWORK_CHECKS if is_network else CANDIDATE_CHECKS:
            try:
                promise(case)
                reason = ""
            except (CheckError, DlrunError) as error:
                reason = f": {error}"
            n_broken += bool(reason)
            print(f"  {'✗' if reason else '✓'} {promise.__name__.replace('_', ' ')}{reason}")
    if n_broken:
        print(f"{n_broken} promises are broken.", file=sys.stderr)
        raise typer.Exit(1)


def _cases(part: str, settings: list[str], trusted: Iterable[str]) -> Iterator[CandidateCase]:
    from dlrun.catalog.architectures import ARCHITECTURES, is_function
    from dlrun.recipe.document import parse_value
    from dlrun.testing.parts import architecture_cases, baseline_cases

    pairs = (setting.partition("=")[::2] for setting in settings)
    values = {key: parse_value(text) for key, text in pairs}
    if part in ARCHITECTURES or is_function(part):
        return architecture_cases(part, values, folder=Path.cwd(), trusted=trusted)
    return baseline_cases(part, values, trusted=trusted)
