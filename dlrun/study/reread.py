"""The data of a tracked study, read again by its own recipe and checked against its digest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from dlrun.errors import DataError, UsageError
from dlrun.recipe.load import parse_recipe

if TYPE_CHECKING:
    from dlrun.contract.dataset import Dataset, Splits
    from dlrun.contract.study import Study
    from dlrun.recipe.schema import Recipe


@dataclass(frozen=True)
class StudyData:
    """The data of a study, and its splits.

    Attributes:
        recipe: of the study, without its candidates.
        splits: None where this version of dlrun would split the rows differently.
    """

    recipe: Recipe
    dataset: Dataset
    splits: Splits | None

    def place(self, row_id: int) -> int:
        """Return the position of a row, whose number counts from 0 in the source.

        Raises:
            UsageError: the study has no such row, or does not have it in memory.
        """
        row_ids = self.dataset.row_ids
        found = (row_ids == row_id).nonzero()[0]
        if len(found):
            return int(found[0])
        if self.dataset.stream:
            message = (
                f"row {row_id}: the study streams its rows, and this one is not in the sample that "
                "is in memory. Write the row into a file, and explain that"
            )
            raise UsageError(message)
        n_all = f"{len(row_ids):,} rows, from {row_ids.min()} to {row_ids.max()}"
        message = f"row {row_id}: the study has no such row. It has {n_all}; rows without a "
        raise UsageError(message + "target are left out")

    def part_of(self, place: int) -> str:
        """Return the part of the last split that a row is in: training, validation or test."""
        if self.splits is None:
            return ""
        last = self.splits.splits[-1]
        parts = {"training": last.train, "validation": last.validation, "test": last.test}
        return next((name for name, rows in parts.items() if place in rows), "")


def _recipe_of_data(study: Study, trusted: Iterable[str]) -> Recipe:
    """Return a study's recipe without its candidates, whose models are made already."""
    values = yaml.safe_load(study.read_text("recipe.yaml"))
    kept = {key: value for key, value in values.items() if key not in ("model", "baselines")}
    return parse_recipe(json.dumps(kept, default=str), Path(study.source), trusted=trusted)


def reread(study: Study, *, trusted: Iterable[str] = ()) -> StudyData:
    """Read the data of a study again.

    Args:
        study: a tracked one.
        trusted: modules that its recipe may import beside those in its folder.

    Raises:
        DataError: the data are gone, or others than those of the study.
    """
    from dlrun.data.dataset import read_dataset
    from dlrun.data.splits.make import make_splits

    recipe = _recipe_of_data(study, trusted)
    try:
        dataset = read_dataset(recipe)
    except DataError as error:
        message = f"the data of {study.name} cannot be read again: {error}"
        raise DataError(message) from error
    if dataset.digest != study.data_digest:
        message = (
            f"{recipe.data.source}: the data have changed since {study.name} was trained (digest "
            f"{dataset.digest[:12]}, then {study.data_digest[:12]}), so that its rows are not "
            "known any more. Bring the data back as they were, or train again"
        )
        raise DataError(message)
    splits = make_splits(recipe, dataset)
    return StudyData(recipe, dataset, splits if splits.digest == study.split_digest else None)
