"""The network that a recipe starts with: an architecture that suits the columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.dataset import Column

FOR_TABLES: Final = "mlp"  # the architecture of the kinds of single values
MAX_ENSEMBLE_ROWS: Final = 3_000  # tabm costs about its 32 members' time of an mlp
MAX_EMBEDDED_COLUMNS: Final = 100  # each embedding is 16 wide


def choose_network(columns: Sequence[Column], n_rows: int) -> dict[str, Any]:
    """Return the section `model` for columns of these types and a number of rows.

    For texts, images, sounds and series the architecture of their kind. For tables with numbers
    TabM (Gorishniy et al. 2025) while it is quick, then an MLP; both with piecewise linear
    embeddings of numbers (Gorishniy et al. 2022), unless there are very many columns.
    """
    kinds = {column.type for column in columns}
    networks = (row.architecture for row in COLUMN_KINDS.values() if row.name in kinds)
    own = next((name for name in networks if name != FOR_TABLES), None)
    if own:
        return {"architecture": own}
    is_wide = len(columns) > MAX_EMBEDDED_COLUMNS
    if "number" not in kinds or is_wide:
        return {"architecture": FOR_TABLES, "hidden": [256, 256], "dropout": 0.1}
    if n_rows <= MAX_ENSEMBLE_ROWS:
        return {"architecture": "tabm"}
    return {"architecture": FOR_TABLES, "hidden": [256, 256], "dropout": 0.1, "encode": "ple"}
