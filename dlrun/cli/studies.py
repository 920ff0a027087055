"""`dlrun studies`: what is in the store; and renaming, tagging and deleting it."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.cli.completion import study_names
from dlrun.cli.options import AsJson, StudyName, Uri, open_to_change, open_to_read
from dlrun.errors import UsageError
from dlrun.system.terminal import data_output, open_console

if TYPE_CHECKING:
    from dlrun.tracking.studies import StudyDetails

studies = typer.Typer(help="List, show, rename, tag or delete tracked studies.")


@studies.callback(invoke_without_command=True)
def _studies(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_studies()


@studies.command("list")
def list_studies(
    experiment: Annotated[
        str | None, typer.Argument(help="Default: all.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    uri: Uri = None,
) -> None:
    """List the studies, the newest first."""
    from dlrun.report.studies import studies_table, to_values
    from dlrun.tracking import studies as tracked

    found = tracked.list_studies(open_to_read(uri), experiment)
    if as_json:
        _print_json([to_values(each) for each in found])
        return
    if not found:
        print("No study here yet. Run: dlrun train RECIPE")
        return

    open_console().print(studies_table(found))


@studies.command()
def show(study: StudyName = "last", as_json: AsJson = False, uri: Uri = None) -> None:
    """Show a study and the runs of its candidates."""
    from dlrun.report.studies import study_details, to_values
    from dlrun.tracking.studies import describe_study

    found = describe_study(open_to_read(uri), study)
    if as_json:
        _print_json(to_values(found))
        return

    console = open_console()
    console.print(study_details(found))
    print(f"\nNext:   dlrun compare {shlex.quote(found.summary.name)} · dlrun ui")


@studies.command()
def rename(
    study: StudyName,
    name: Annotated[str, typer.Argument(help="The new name.", show_default=False)],
    uri: Uri = None,
) -> None:
    """Give a study another name."""
    from dlrun.tracking.studies import rename_study

    print(f"{rename_study(open_to_change(uri), study, name)} is called {name} now")


@studies.command()
def tag(
    study: StudyName,
    tags: Annotated[
        list[str], typer.Argument(help="key=value; key= removes the tag.", show_default=False)
    ],
    uri: Uri = None,
) -> None:
    """Set or remove tags of a study; they stand in MLflow's table of runs."""
    from dlrun.tracking.studies import tag_study

    wrong = next((each for each in tags if not each.partition("=")[0] or "=" not in each), None)
    if wrong is not None:
        message = f"{wrong!r} is no tag. Write key=value, or key= to remove it"
        raise UsageError(message)
    pairs = dict(each.split("=", maxsplit=1) for each in tags)
    print(f"{tag_study(open_to_change(uri), study, pairs)} is tagged: {', '.join(tags)}")


@studies.command()
def delete(
    names: Annotated[
        list[str],
        typer.Argument(help="As in dlrun compare.", metavar="STUDY...", autocompletion=study_names),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    uri: Uri = None,
) -> None:
    """Delete studies: their runs, files and models."""
    from dlrun.tracking.studies import check_deletable, delete_study, describe_study

    store = open_to_change(uri)
    doomed = {each.summary.id: each for each in (describe_study(store, name) for name in names)}
    for study in doomed.values():
        check_deletable(store, study)
    if not yes:
        _ask(list(doomed.values()))
    for study in doomed.values():
        delete_study(store, study)
        print(f"{study.summary.name} is deleted")
    both = f" --tracking-uri {store.place} --backend-store-uri {store.place}"
    where = both if store.is_local else ", on the server"
    print(f"MLflow keeps what was deleted, to be restored. To free the space: mlflow gc{where}")


def _ask(doomed: list[StudyDetails]) -> None:
    """Ask whether to delete; exit 1 where the answer is no.

    Raises:
        UsageError: there is nobody to ask.
    """
    texts = [
        f"{each.summary.name} ({len(each.candidates)} candidates, {each.n_models} models)"
        for each in doomed
    ]
    if not sys.stdin.isatty():
        message = f"{', '.join(texts)}: nothing was deleted. Without a terminal, add --yes"
        raise UsageError(message)
    typer.confirm(f"Delete {', '.join(texts)}?", abort=True)


def _print_json(values: object) -> None:
    print(json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False), file=data_output())
