"""A network on the vectors of frozen backbones, which become part of it where it is saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.contract.attribution import Attribution
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.deep.backbones.backbone import Reader
from dlrun.deep.fitted import FittedNetwork
from dlrun.deep.network import Network

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.trace import RowTrace


@dataclass(frozen=True)
class FrozenNetwork:
    """A network after training whose backbones have made the vectors of all rows once.

    Attributes:
        on_vectors: takes the vectors.
        network: that was trained; makes the network of raw rows.
        readers: of its groups that the backbones read.
    """

    on_vectors: FittedNetwork
    network: Network
    readers: Mapping[str, Reader]

    @property
    def candidate(self) -> str:
        """Return the name of the candidate."""
        return self.on_vectors.candidate

    @property
    def target(self) -> Target:
        """Return the target."""
        return self.on_vectors.target

    @property
    def best_epoch(self) -> int | None:
        """Return the epoch whose weights it has."""
        return self.on_vectors.best_epoch

    @property
    def parameters(self) -> int:
        """Return the number of the trained weights."""
        return self.on_vectors.parameters

    @property
    def new_layers(self) -> list[Any]:
        """Return the layers that were trained."""
        return self.network.new_layers

    @property
    def model(self) -> Any:
        """Return the whole network as one Keras model of raw columns."""
        return self._whole.model

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict typed rows.

        Raises:
            DataError: the network gives no finite number for a row.
        """
        return self.on_vectors.predict(frame)

    def embed(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return the input of the network's head, as `FittedNetwork.embed` does."""
        return self.on_vectors.embed(frame)

    def trace(self, frame: pd.DataFrame, output: int) -> RowTrace:
        """Trace one typed row through the whole network, as `FittedNetwork.trace` does."""
        return self._whole.trace(frame, output)

    def deployed(self, frame: pd.DataFrame) -> Callable[[], object]:
        """Return the compiled prediction of these rows, the work of the backbones included."""
        return self._whole.deployed(frame)

    @property
    def attribution_methods(self) -> tuple[str, ...]:
        """Return those of the network with its backbones."""
        return self._whole.attribution_methods

    def explain(
        self,
        frame: pd.DataFrame,
        outputs: NDArray[np.int64],
        reference: pd.DataFrame,
        method: str | None = None,
    ) -> list[Attribution]:
        """Explain typed rows through the backbones, as `FittedNetwork.explain` does."""
        return self._whole.explain(frame, outputs, reference, method)

    def save(self, folder: Path) -> None:
        """Write the network with its backbones, as `FittedNetwork.save` does."""
        self._whole.save(folder)

    @cached_property
    def _whole(self) -> FittedNetwork:
        whole = self.network.saved().whole()
        return replace(self.on_vectors, model=whole, readers=self.readers)
