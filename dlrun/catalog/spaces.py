"""Search spaces: the values that a search tries of a candidate that the recipe gives no space.

The values of an architecture stand beside its settings, those of a baseline in its row; here are
those of training. They are few and wide, as some thirty trials search them. Where they come from:

- networks for tables: Gorishniy et al. 2021 (FT-Transformer), 2022 (embeddings of numbers) and
  2025 (TabM): width, depth, dropout, learning rate and weight decay, with the batch size and early
  stopping fixed; activation, embedding and schedule: Holzmüller et al. 2024 (RealMLP)
- text: Zhang & Wallace 2015, by whom kernel sizes and filters count most
- recurrent networks: Greff et al. 2017, by whom the learning rate counts most, then the units
- series: Ismail Fawaz et al. 2020 (InceptionTime: depth, filters, length of kernels), Wang et al.
  2017 (FCN); images: He et al. 2016 (ResNet)
- pretrained networks: Devlin et al. 2019 (2e-5 to 5e-5 of the backbone), widened to both sides
- learning rate and weight decay are searched apart, which AdamW allows: Loshchilov & Hutter 2019
- baselines: Probst et al. 2019 (which settings of SVM, trees, forests and boosting are worth
  tuning, and over which range), Grinsztajn et al. 2022 and Erickson et al. 2025 (TabArena) for
  forests, boosting, linear models and neighbours. Boosting that stops by validation rows has a
  fixed maximum of trees; other boosting searches their number along with the learning rate.
"""

from __future__ import annotations

from typing import Final

from dlrun.catalog.architectures import ARCHITECTURES, RATES
from dlrun.catalog.keras_api import optimizers, signature
from dlrun.contract.search import Dimension

NUMBERS_ONLY: Final = ("model.encode",)
"""Settings that make no difference without columns of numbers."""
DECAYS: Final = Dimension(log=(1e-4, 1e-1))
SCHEDULED: Final = Dimension(choices=("constant", "cosine"))
BACKBONE_RATES: Final = Dimension(log=(1e-5, 1e-4))
RATE_FACTOR: Final = 10.0


def network_space(architecture: str, optimizer: str, peak: float) -> dict[str, Dimension]:
    """Return what a search tries of a network and its training, under dotted recipe keys.

    The architecture's own range of learning rates is for Adam and its kin. With another optimizer
    the range is from a tenth of the network's own learning rate to ten times as much.

    Args:
        architecture: a row's name, or a function of the user's, whose settings are unknown.
        optimizer: its name in a recipe.
        peak: the network's own learning rate.
    """
    row = ARCHITECTURES.get(architecture)
    space = {f"model.{name}": values for name, values in row.space.items()} if row else {}
    around = Dimension(log=(peak / RATE_FACTOR, peak * RATE_FACTOR))
    rates = row.rates if row else RATES
    space["training.learning_rate"] = rates if "adam" in optimizer else around
    space["training.learning_rate.schedule"] = SCHEDULED
    if row and row.is_pretrained:
        space["training.backbone_rate"] = BACKBONE_RATES
    if "weight_decay" in signature("optimizers", optimizers()[optimizer]).arguments:
        space["training.optimizer.weight_decay"] = DECAYS
    return space
