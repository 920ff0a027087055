from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from dlrun.recipe.load import load_recipe
from dlrun.recipe.schema import Recipe

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def make_recipe(tmp_path: Path) -> MakeRecipe:
    """Write `recipe.yaml`, its data section first, and load it.

    `table` is written beside it as `table.csv`, or `table.parquet` on request; then the first
    lines of the recipe are 1 data, 2 source and, where there is one, 3 target.
    """

    def make(
        data: dict[str, Any] | None = None,
        *,
        table: pd.DataFrame | None = None,
        suffix: str = "csv",
        **sections: Any,
    ) -> Recipe:
        data = dict(data or {})
        if table is not None:
            data = {"source": f"table.{suffix}", **data}
            path = tmp_path / data["source"]
            if suffix == "csv":
                table.to_csv(path, index=False)
            else:
                table.to_parquet(path)
        path = tmp_path / "recipe.yaml"
        text = yaml.safe_dump({"data": data, **sections}, sort_keys=False, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
        return load_recipe(path)

    return make
