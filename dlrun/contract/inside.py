"""What a look inside a fitted candidate has found; all values are plain, so that they are kept."""

from __future__ import annotations

from dataclasses import dataclass

from dlrun.contract.candidate import Family
from dlrun.contract.embeddings import Embeddings
from dlrun.contract.glass_box import GlassBox
from dlrun.contract.probes import LayerProbes
from dlrun.contract.reasons import Reasons
from dlrun.contract.units import NetworkUnits


@dataclass(frozen=True)
class Inside:
    """A look inside the model that a candidate has learned on one split.

    A part that does not suit the candidate, or was not computed, is None or empty.

    Attributes:
        candidate: its name.
        family: its side.
        split_index: of the split whose test rows are looked at.
        trained_on: which rows the model has learned from, in words.
        has_seen_test_rows: whether the test rows are among them: then scores on them are too good.
        probes: of the layers of a network.
        embeddings: of test rows by the layers of a network.
        units: what the units of a network look for, as training rows show it.
        reasons: why it predicts some test rows as it does.
        glass_box: how a glass box decides.
    """

    candidate: str
    family: Family
    split_index: int
    trained_on: str
    has_seen_test_rows: bool = False
    probes: LayerProbes | None = None
    embeddings: Embeddings | None = None
    units: NetworkUnits | None = None
    reasons: Reasons | None = None
    glass_box: GlassBox | None = None
