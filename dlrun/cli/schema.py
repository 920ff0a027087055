"""`dlrun schema`: the JSON schema of a recipe, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def schema(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write here instead of printing.")
    ] = None,
) -> None:
    """Print the JSON schema of a recipe, for completion and checks in an editor."""
    import json

    from dlrun.recipe.write import json_schema

    text = json.dumps(json_schema(), indent=2, ensure_ascii=False)
    if output is None:
        print(text)
        return
    output.write_text(f"{text}\n", encoding="utf-8")
    print(f"{output} written. Open a recipe with: # yaml-language-server: $schema={output.name}")
