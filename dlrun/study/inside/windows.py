"""The part of a row that a unit looks at: the smallest one that most of its gradient comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.units import Box

MOST: Final = 0.95  # of the gradient
LONGEST: Final = {" ": 8, "": 24}  # words or characters that are quoted
AROUND: Final = {" ": 4, "": 16}  # words or characters before and after


def find_box(sizes: NDArray[Any]) -> Box:
    """Return the box that at least 95 % of some sizes are in, as small as each axis allows.

    Args:
        sizes: of one or two axes, not negative.

    Returns:
        For each axis the first place and the one past the last; empty where all sizes are zero.
    """
    if not sizes.sum() > 0:
        return ()
    share = 1 - (1 - MOST) / sizes.ndim
    axes = range(sizes.ndim)
    margins = (sizes.sum(axis=tuple(other for other in axes if other != axis)) for axis in axes)
    return tuple(smallest_window(margin, share) for margin in margins)


def smallest_window(sizes: NDArray[Any], share: float) -> tuple[int, int]:
    """Return the shortest stretch, (start, stop), with a share of the sum of sizes, (places,)."""
    sums = np.concatenate([[0.0], np.cumsum(sizes, dtype=np.float64)])
    # The first stop at which the stretch from each start has the share; past the end: none has.
    stops = np.searchsorted(sums, sums[:-1] + share * sums[-1] * (1 - 1e-9))
    lengths = np.where(stops < len(sums), stops - np.arange(len(sizes)), len(sums))
    start = int(lengths.argmin())
    return start, int(stops[start])


def quote(tokens: Sequence[str], sizes: NDArray[Any], joint: str) -> tuple[str, str, str]:
    """Return what stands before, the tokens that a unit looks at, and what follows.

    Args:
        tokens: of a text; those behind the end of `sizes` are not seen.
        sizes: (places,) of the gradient at each token.
        joint: between tokens: a blank, or nothing between characters.
    """
    known = sizes[: len(tokens)]
    if not known.sum() > 0:
        start, stop = 0, 0
    else:
        start, stop = smallest_window(known, MOST)
    if stop - start > LONGEST[joint]:
        start, stop = _strongest(known, LONGEST[joint])
    first, last = max(0, start - AROUND[joint]), stop + AROUND[joint]
    before, after = joint.join(tokens[first:start]), joint.join(tokens[stop:last])
    return (
        f"… {before}".rstrip() if first else before,
        joint.join(tokens[start:stop]),
        f"{after} …".lstrip() if last < len(tokens) else after,
    )


def _strongest(sizes: NDArray[Any], length: int) -> tuple[int, int]:
    """Return the stretch of a length that has the most."""
    sums = np.concatenate([[0.0], np.cumsum(sizes, dtype=np.float64)])
    start = int((sums[length:] - sums[:-length]).argmax())
    return start, start + length
