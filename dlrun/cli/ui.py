"""`dlrun ui`: MLflow's pages."""

from __future__ import annotations

from typing import Annotated

import typer

from dlrun.cli.options import Uri, open_to_read


def ui(
    port: Annotated[int, typer.Option(help="On 127.0.0.1.")] = 5000,
    uri: Uri = None,
) -> None:
    """Browse the runs in MLflow until Ctrl-C."""
    from dlrun.system.signals import exit_code, raise_on_signals
    from dlrun.tracking.ui import serve_ui

    store = open_to_read(uri)
    print(f"Starting MLflow on {store.place} …", flush=True)
    try:
        with raise_on_signals(), serve_ui(store, port) as page:
            print(f"{page.url}\nCtrl-C ends it.", flush=True)
            page.wait()
    except KeyboardInterrupt as stop:
        raise typer.Exit(exit_code(stop)) from None
