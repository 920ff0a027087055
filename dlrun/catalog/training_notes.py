"""The kinds of notes on how a network was trained, DLR160 to 179, where a study looks inside.

The numbers are medians over the epochs; `dlrun.evidence.health.diagnose` names the sources.
"""

from __future__ import annotations

from dlrun.catalog.note_kind import NoteKind

VANISHING_GRADIENTS = NoteKind(
    "DLR160",
    "Vanishing gradients",
    "`evaluation.inside` is set, and over at least three epochs the median gradient norm of the "
    "first third of a network's layers is below 1/1,000 of that of the last third.",
)
EXPLODING_GRADIENTS = NoteKind(
    "DLR161",
    "Exploding gradients",
    "`evaluation.inside` is set, and over at least three epochs the median gradient norm of the "
    "first third of a network's layers is above 1,000 times that of the last third; or the norm of "
    "the whole gradient grows by more than 100 times from the first third of the epochs to the "
    "last.",
)
DEAD_UNITS = NoteKind(
    "DLR162",
    "Dead units",
    "`evaluation.inside` is set, and in the last third of the epochs more than half of the relu "
    "units of a layer give zero for each of 128 training rows.",
)
SATURATED_UNITS = NoteKind(
    "DLR163",
    "Saturated units",
    "`evaluation.inside` is set, and in the last third of the epochs more than half of the values "
    "of a layer's sigmoid or tanh are where its slope is below 5 % of the steepest.",
)
LARGE_UPDATES = NoteKind(
    "DLR164",
    "Updates that are too large",
    "`evaluation.inside` is set, and a step changes the weights of the median layer by more than "
    "3 % of their norm; about 0.1 % is usual.",
)
SMALL_UPDATES = NoteKind(
    "DLR165",
    "Updates that are too small",
    "`evaluation.inside` is set, and a step changes the weights of the median layer by less than "
    "0.001 % of their norm; about 0.1 % is usual.",
)
