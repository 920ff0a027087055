"""`dlrun predict`: a trained candidate on new rows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dlrun.cli.options import StudyName, Uri, open_to_read, say
from dlrun.system.spreadsheet import guarded
from dlrun.system.terminal import data_output


def predict(
    study: StudyName,
    data: Annotated[
        str,
        typer.Argument(
            help="The rows: a table, or a .tar of samples, of any kind that train reads; or "
            "images, sounds or texts: a file, a folder, a zip, or a glob in quotes.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="csv, tsv, parquet, jsonl or feather. Default: print."),
    ] = None,
    candidate: Annotated[str | None, typer.Option(help="Default: the study's own model.")] = None,
    with_reasons: Annotated[
        bool,
        typer.Option(
            "--explain", help="Add a column with the three parts of each row that moved it most."
        ),
    ] = False,
    uri: Uri = None,
) -> None:
    """Predict rows with a tracked model; the target may be among the columns or not."""
    say(f"reading the model of {study} …")
    from dlrun.data.model_io import load
    from dlrun.data.predict_rows import printable, read_rows
    from dlrun.data.sources.tables import write_table
    from dlrun.tracking.stored_model import find_model

    found = find_model(open_to_read(uri), study, candidate)
    model = load(found.folder)
    facts = model.facts
    rows, folder = read_rows(data, facts.columns, form=model.format, target=facts.target.name)
    typed = model.cast(rows, folder)
    answers = model.answer(typed).set_index(rows.index)
    print(f"model: {found}", file=sys.stderr)
    joined = printable(rows).assign(**{str(name): answers[name] for name in answers})
    if with_reasons:
        from dlrun.study.row_reasons import explain_typed

        reasons = explain_typed(model, typed)
        print(f"reasons: {reasons.method}", file=sys.stderr)
        joined = joined.assign(reasons=reasons.texts)
    if output is None:
        print(guarded(joined).to_csv(index=False), end="", file=data_output())
        return
    write_table(joined, output)
    print(f"{output}: {len(joined):,} rows predicted by {model.facts.candidate}")
