"""`dlrun push`: a study of the local store, copied to its server."""

from __future__ import annotations

from typing import Annotated

import typer

from dlrun.cli.completion import study_names


def push(
    study: Annotated[
        str | None,
        typer.Argument(
            help="Default: the last one that waits.",
            show_default=False,
            autocompletion=study_names,
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option(help="The server. Default: the one that was away.")
    ] = None,
) -> None:
    """Copy a study from this folder's store to an MLflow server."""
    from dlrun.tracking.push import push as copy
    from dlrun.tracking.ui import study_url

    pushed = copy(study, to=to)
    print(f"{pushed.name} is on {pushed.store.place}: {study_url(pushed.store)}")
