"""`dlrun explain`: one row's way through the models of a study."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dlrun.cli.completion import attribution_methods
from dlrun.cli.options import AsJson, StudyName, TrustModules, Uri, open_to_read, say
from dlrun.system.terminal import data_output, open_console


def explain(
    study: StudyName,
    row: Annotated[
        str,
        typer.Argument(
            metavar="ROW|FILE",
            help="A row of the study's data by its number, row_id in predictions.parquet and row "
            "in the report; or a file of rows, of any kind that predict reads.",
            show_default=False,
        ),
    ],
    number: Annotated[
        int, typer.Option("--row", help="Which row of the file, counted from 0.")
    ] = 0,
    candidate: Annotated[
        str | None,
        typer.Option(
            help="Default: the study's own model. The best of the other side, by its validation "
            "rows, stands beside it.",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="What finds the reasons: occlusion suits every model; integrated_gradients, "
            "tree_shap and others suit some. Default: the model's own.",
            show_default=False,
            autocompletion=attribution_methods,
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write it as a page to this file.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    trust_modules: TrustModules = None,
    uri: Uri = None,
) -> None:
    """Explain one prediction: the row, layer by layer, to the probabilities, and what moved it.

    Of a network it shows the row as the network gets it, z = Wᵀx + b and a = σ(z) of every layer,
    dense layers checked against NumPy, and how logits become probabilities; of a classic model the
    features that it gets; of both the parts of the row that moved the prediction most.
    """
    say(f"reading the models of {study} …")
    from dlrun.report.explained import page, plain
    from dlrun.study.explain import Request, explain_row

    trusted = tuple(trust_modules or ())
    request = Request(study, row, number, candidate, method, trusted)
    explanation = explain_row(open_to_read(uri), request)
    if html:
        page.write(html, explanation)
        print(f"{html} written", file=sys.stderr)
    if as_json:
        print(plain.to_json(explanation), file=data_output())
    elif not html:
        from dlrun.report.explained.terminal import print_explanation

        print_explanation(open_console(), explanation)
