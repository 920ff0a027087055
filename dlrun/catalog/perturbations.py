"""The perturbations under which candidates are scored again (`evaluation.stress`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Perturbation:
    """A deliberate change of the data.

    Attributes:
        name: as it is written in a recipe and in tracked tables.
        title: a template for messages with the fields `level` and `percent`.
        levels: at which it is applied.
        is_retrained: candidates are trained on perturbed rows; else fitted candidates are scored
            on perturbed test rows.
        is_optional: a recipe names it; else it is applied wherever a recipe names another one.
    """

    name: str
    title: str
    levels: tuple[float, ...] = (1.0,)
    is_retrained: bool = True
    is_optional: bool = True


PERTURBATIONS: Final = {
    row.name: row
    for row in (
        Perturbation(
            "noise", "noise of {level:g} standard deviations in the test rows",
            levels=(0.1, 0.3), is_retrained=False,
        ),
        Perturbation(
            "missing", "{percent:g} % missing in the test rows",
            levels=(0.1, 0.3), is_retrained=False,
        ),
        Perturbation("junk_columns", "trained with as many junk columns"),
        Perturbation("label_noise", "trained with {percent:g} % wrong labels", levels=(0.2,)),
        Perturbation("shuffle_structure", "trained and tested on shuffled pixels, steps or words"),
        Perturbation(
            "shift", "trained on the earliest rows, tested on the latest", is_optional=False
        ),
    )
}  # fmt: skip
