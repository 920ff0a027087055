"""The facts of a study: what is tracked before its first trial."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from dlrun.contract.dataset import Dataset, Splits
from dlrun.contract.search import SearchBudget
from dlrun.contract.study import DataSummary
from dlrun.data.splits.make import sizes


@dataclass(frozen=True)
class StudyFacts:
    """What is tracked of a study before its first trial.

    Attributes:
        recipe: its name.
        recipe_text: the resolved recipe as YAML, which trains the same study.
        source_file: the recipe's file.
        metrics: names of the test metrics, the primary one first.
        rope: half width of the region of practical equivalence on the primary metric, where the
            recipe sets it.
        params: settings of the whole study under dotted recipe keys.
        environment: versions and devices, one per line.
        features: candidate → names of the features that it makes.
        muted: codes of the notes that the recipe ignores.
        search_budget: of each search; None where settings are not searched.
    """

    recipe: str
    recipe_text: str
    recipe_sha256: str
    source_file: Path
    description: str
    seed: int
    dataset: Dataset
    splits: Splits
    metrics: tuple[str, ...]
    rope: float | None
    params: Mapping[str, object]
    environment: str
    features: Mapping[str, tuple[str, ...]]
    muted: tuple[str, ...] = ()
    search_budget: SearchBudget | None = None

    @property
    def study_json(self) -> dict[str, object]:
        """Return the contents of `study.json`: what reading the study needs beyond the tags."""
        dataset, splits = self.dataset, self.splits.splits
        data = DataSummary(
            source=dataset.source,
            target=dataset.target.name,
            columns={column.name: column.type for column in dataset.columns},
            sizes=tuple(sizes(dataset, split) for split in splits),
            notes=dataset.notes,
        )
        budget = self.search_budget
        return {
            "labels": dataset.target.labels,
            "metrics": self.metrics,
            "rope": self.rope,
            "n_rows": len(dataset),
            "n_test_rows": len(splits[0].test),
            "data": asdict(data),
            "features": self.features,
            "muted": self.muted,
            **({"search_budget": asdict(budget)} if budget else {}),
        }

    @cached_property
    def git_commit(self) -> str | None:
        """Return the commit checked out where the recipe is, if it is under git."""
        command = ["git", "-C", str(self.source_file.parent), "rev-parse", "HEAD"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=5)
        except (OSError, subprocess.SubprocessError):
            return None
        return answer.stdout.strip()
