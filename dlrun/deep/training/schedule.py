"""The learning rate of every step."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from dlrun.recipe.training import LearningRate

LAST_SHARE: Final = 0.01  # of the peak, at the end of an exponential schedule


def learning_rates(setting: LearningRate, n_steps: int) -> NDArray[np.float32]:
    """Return the rate of each of `n_steps` steps, (n_steps,).

    The rate grows linearly over the warm-up and then stays (constant), falls along half a cosine
    to zero (cosine) or by the same factor at every step (exponential). A plateau schedule stays
    too: it depends on how training goes.
    """
    n_warm = round(setting.warmup * n_steps)
    warm = np.arange(1, n_warm + 1) / max(1, n_warm)
    done = np.arange(n_steps - n_warm) / max(1, n_steps - n_warm - 1)
    if setting.schedule == "cosine":
        rest = (1 + np.cos(np.pi * done)) / 2
    elif setting.schedule == "exponential":
        rest = LAST_SHARE**done
    else:
        rest = np.ones_like(done)
    rates: NDArray[np.float32] = (setting.peak * np.concatenate([warm, rest])).astype(np.float32)
    return rates
