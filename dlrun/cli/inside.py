"""`dlrun inside`: what the layers of a trained network make of rows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dlrun.cli.compare import write_report
from dlrun.cli.options import StudyName, TrustModules, Uri, open_to_change, say
from dlrun.errors import UsageError
from dlrun.system.terminal import open_console


def inside(
    study: StudyName,
    candidate: Annotated[
        str | None, typer.Argument(help="Default: every network.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the whole report to this file.", show_default=False)
    ] = None,
    tsne: Annotated[
        bool, typer.Option("--tsne", help="Draw rows by t-SNE beside principal components.")
    ] = False,
    trust_modules: TrustModules = None,
    uri: Uri = None,
) -> None:
    """Look inside the networks of a study, from their saved models, and keep what is found."""
    say(f"reading {study} …")
    from dlrun.evidence.compare import compare
    from dlrun.report.inside import print_inside
    from dlrun.study.inside.later import contexts
    from dlrun.study.inside.look import explore
    from dlrun.tracking.read import find_study
    from dlrun.tracking.studies import keep_inside

    store = open_to_change(uri)
    tracked = find_study(store, study)
    console, n_found = open_console(), 0
    for context in contexts(
        store,
        tracked,
        candidate,
        projections=("pca", "tsne") if tsne else ("pca",),
        trusted=trust_modules or (),
    ):
        say(f"looking inside {context.candidate} …")
        found = explore(context)
        if found == context.nothing:
            continue
        n_found += 1
        keep_inside(store, tracked.id, found)
        print_inside(console, found)
    if not n_found:
        named = candidate or tracked.name
        message = f"{named}: nothing here that could be looked into"
        raise UsageError(message)
    if html:
        write_report(html, [tracked], compare([tracked]))
    print(f"Next:   dlrun compare {tracked.name} --html report.html", file=sys.stderr)
