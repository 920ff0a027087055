"""What the health of layers says about a training, in plain words, with the usual remedies.

skorch's SkorchDoctor draws the same numbers; here they are also judged, by the rules of thumb that
`diagnose` names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlrun.catalog.training_notes import (
    DEAD_UNITS,
    EXPLODING_GRADIENTS,
    LARGE_UPDATES,
    SATURATED_UNITS,
    SMALL_UPDATES,
    VANISHING_GRADIENTS,
)
from dlrun.evidence.formatting import counted, percent, rounded_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from dlrun.catalog.note_kind import NoteKind
    from dlrun.contract.note import Note

FEWEST_EPOCHS: Final = 3
VANISHED: Final = 1e-3  # gradient of a layer, as a ratio to that of the last layers
GROWN: Final = 100.0  # times the gradient of the first epochs
MANY: Final = 0.5  # of units or values
LARGE: Final = 3e-2
SMALL: Final = 1e-5
BACKBONE: Final = "backbone"  # begins the names of a pretrained network's blocks
HEALTHY: Final = "no sign of trouble"
FEW_EPOCHS: Final = f"fewer than {FEWEST_EPOCHS} epochs, too few to tell"
REMEDIES: Final = {
    VANISHING_GRADIENTS.code: "relu or gelu as model.activation, model.normalization: batch, or "
    "fewer layers",
    EXPLODING_GRADIENTS.code: "training.clip_norm: 1, a lower training.learning_rate, or a warm-up "
    "(training.learning_rate.warmup: 0.1)",
    DEAD_UNITS.code: "a lower training.learning_rate, gelu or leaky_relu as model.activation, or "
    "model.normalization: batch",
    SATURATED_UNITS.code: "relu or gelu as model.activation, model.normalization: batch, or a "
    "lower training.learning_rate",
    LARGE_UPDATES.code: "a training.learning_rate a tenth as high, or a warm-up "
    "(training.learning_rate.warmup: 0.1)",
    SMALL_UPDATES.code: "a training.learning_rate ten times as high, or training.optimizer: adamw",
}
"""Code of a note → what usually helps, in keys of a recipe, where the architecture has them."""


@dataclass(frozen=True)
class Symptom:
    """A sign of trouble in a training.

    Attributes:
        kind: of the note on it.
        name: of the trouble, such as "vanishing gradients".
        found: what was measured.
    """

    kind: NoteKind
    name: str
    found: str

    @property
    def remedy(self) -> str:
        """Return what usually helps, in keys of a recipe."""
        return REMEDIES[self.kind.code]

    def __str__(self) -> str:
        return f"{self.name}: {self.found}. What usually helps: {self.remedy}"

    def note(self, candidate: str) -> Note:
        """Return it as a note on a candidate."""
        return self.kind.note(f"{candidate}, {self}.")


def diagnose(layers: pd.DataFrame) -> tuple[Symptom, ...]:
    """Name the signs of trouble in a training; none where it had fewer than three epochs.

    All numbers of a layer are medians over the epochs, so that one odd epoch names nothing; those
    of units are of the last third of the epochs, when a training has settled.

    - Vanishing gradients (Hochreiter 1991; Glorot & Bengio 2010): the median gradient norm of the
      first third of the layers is below 1/1,000 of that of the last third, without dead units.
    - Exploding gradients (Pascanu et al. 2013): it is above 1,000 times that of the last third, or
      the norm over all layers grows by more than 100 times from the first to the last third of the
      epochs, or is not finite.
    - Dead units (the notes of Stanford's course CS231n): more than half of a layer's relu units
      give zero for every row.
    - Saturated units (Glorot & Bengio 2010): more than half of the values of a layer's sigmoid or
      tanh are where its slope is below 5 % of the steepest.
    - Updates: CS231n's rule of thumb is a change of about 1e-3 of the weights in a step. The median
      layer is above 3e-2 (too large) or below 1e-5 (too small); layers at rest and pretrained ones
      do not count.

    Args:
        layers: as `Study.read_layers` returns them.
    """
    if count_epochs(layers) < FEWEST_EPOCHS:
        return ()
    dead = [*_many(layers, "dead", DEAD_UNITS, "dead units", "units give zero for every row")]
    flat = [
        *_many(layers, "saturated", SATURATED_UNITS, "saturated units", "values are near an end")
    ]
    gradients = [] if dead else [*_vanishing(layers)]
    return (*gradients, *_exploding(layers), *dead, *flat, *_updates(layers))


def describe(layers: pd.DataFrame) -> str:
    """Return the diagnosis in words."""
    if count_epochs(layers) < FEWEST_EPOCHS:
        return FEW_EPOCHS
    return "; ".join(map(str, diagnose(layers))) or HEALTHY


def count_epochs(layers: pd.DataFrame) -> int:
    """Count the epochs in which layers were measured."""
    return int(layers["epoch"].nunique()) if len(layers) else 0


def _over_epochs(layers: pd.DataFrame, column: str) -> pd.Series[float]:
    """Return layer → median over the epochs, from the input side, where it was measured."""
    return layers.dropna(subset=[column]).groupby("layer", sort=False)[column].median()


def _late(layers: pd.DataFrame) -> pd.DataFrame:
    """Return the last third of the epochs."""
    epochs = sorted(layers["epoch"].unique())
    late: pd.DataFrame = layers[layers["epoch"] >= epochs[-max(1, len(epochs) // 3)]]
    return late


def _ends(norms: pd.Series[float]) -> tuple[float, float]:
    """Return the median gradient norm of the first third of the layers, and of the last."""
    third = max(1, len(norms) // 3)
    return float(norms.iloc[:third].median()), float(norms.iloc[-third:].median())


def _vanishing(layers: pd.DataFrame) -> Iterator[Symptom]:
    norms = _over_epochs(layers, "gradient_norm")
    first, last = _ends(norms)
    if first < VANISHED * last:
        names = [str(name) for name, norm in norms.items() if norm < VANISHED * last]
        found = (
            f"the gradient of the first layers is {_share(first, last)} of that of the last ones; "
            f"it is below 1/1,000 in {_listed(names, len(norms))}"
        )
        yield Symptom(VANISHING_GRADIENTS, "vanishing gradients", found)


def _exploding(layers: pd.DataFrame) -> Iterator[Symptom]:
    name = "exploding gradients"
    totals = (layers["gradient_norm"] ** 2).groupby(layers["epoch"]).sum() ** 0.5
    third = max(1, len(totals) // 3)
    early, late = float(totals.iloc[:third].median()), float(totals.iloc[-third:].median())
    norms = _over_epochs(layers, "gradient_norm")
    first, last = _ends(norms)
    if late > GROWN * early or late == float("inf"):
        found = f"the norm of the gradient grows from {early:.2g} to {late:.2g} over the epochs"
        yield Symptom(EXPLODING_GRADIENTS, name, found)
    elif first * VANISHED > last > 0:
        found = f"the gradient of the first layers is {first / last:,.0f} times that of the last"
        yield Symptom(EXPLODING_GRADIENTS, name, found)


def _many(
    layers: pd.DataFrame, column: str, kind: NoteKind, name: str, what: str
) -> Iterator[Symptom]:
    shares = _over_epochs(_late(layers), column)
    high = shares[shares > MANY]
    if len(high):
        worst = str(high.idxmax())
        names = [worst, *(str(each) for each in high.index if each != worst)]
        found = (
            f"{percent(float(high.max()))} of the {what} in {worst}"
            if len(names) == 1
            else f"{percent(float(high.min()))} to {percent(float(high.max()))} of the {what} in "
            f"{_listed(names, len(shares))}"
        )
        yield Symptom(kind, name, found)


def _updates(layers: pd.DataFrame) -> Iterator[Symptom]:
    ratios = _over_epochs(layers, "update_ratio")
    is_own = ~ratios.index.str.startswith(BACKBONE)  # a pretrained network moves little on purpose
    moving = ratios[(ratios > 0) & is_own]
    if moving.empty:
        return
    middle = float(moving.median())
    found = f"a step changes the weights of the median layer by {middle:.1g} of themselves"
    if middle > LARGE:
        yield Symptom(LARGE_UPDATES, "updates that are too large", f"{found}, not about 0.001")
    elif middle < SMALL:
        yield Symptom(SMALL_UPDATES, "updates that are too small", f"{found}, not about 0.001")


def _share(part: float, whole: float) -> str:
    return f"1/{rounded_up(whole / part):,}" if part > 0 else "zero"


def _listed(names: Sequence[str], n_layers: int) -> str:
    shown = ", ".join(names[:3])
    more = " …" if len(names) > 3 else ""  # noqa: PLR2004
    return f"{len(names)} of {counted(n_layers, 'layer')} ({shown}{more})"
