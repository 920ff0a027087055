"""The sizes that the network's weights depend on, and those of the tables that it takes."""

from __future__ import annotations

from typing import Final

MAX_CLASSES: Final = 10
GROUP: Final = 2
"""Columns that share a token."""
CELL: Final = 3
"""Numbers that describe a cell: its standard score, its rank, whether it is missing."""
IDENTITY: Final = 16
"""Random numbers by which the network tells one token of a row from another."""
MAX_ROWS: Final = 512
"""Training rows; of more a sample is drawn. The network is trained on up to 192."""
MAX_COLUMNS: Final = 100
"""Of more columns those are taken that differ most between classes."""
