"""The learning rate of every step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.schedules import SCHEDULES
from dlrun.recipe.training import LearningRate


def learning_rates(setting: LearningRate, n_steps: int) -> NDArray[np.float32]:
    """Return the rate of each of `n_steps` steps, (n_steps,).

    The rate grows linearly over the warm-up, then follows the schedule; a plateau's halvings
    depend on training and are left out.
    """
    n_warm = round(setting.warmup * n_steps)
    warm = np.arange(1, n_warm + 1) / max(1, n_warm)
    done = np.arange(n_steps - n_warm) / max(1, n_steps - n_warm - 1)
    rest = SCHEDULES[setting.schedule].decay(done)
    rates: NDArray[np.float32] = (setting.peak * np.concatenate([warm, rest])).astype(np.float32)
    return rates
