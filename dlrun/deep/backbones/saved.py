"""A frozen backbone beside a saved model: by reference where it installs with pip, else whole."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from dlrun.catalog.backbones import BACKBONES, scheme_of
from dlrun.contract.dataset import Column
from dlrun.deep.backbones.backbone import (
    Backbone,
    BackboneRequest,
    Reader,
    load_reader,
    open_backbone,
)
from dlrun.deep.backbones.extras import EXTRAS
from dlrun.deep.inputs.encoding import Spec
from dlrun.errors import WeightsError

FACTS: Final = "backbone.json"
TRUNK: Final = "trunk.keras"
EXTRA_OF: Final = {"text": "text", "audio": "sound"}
"""Column type → the extra of dlrun whose packages read it."""


def save_backbone(request: BackboneRequest, backbone: Backbone, folder: Path) -> None:
    """Write a backbone into an existing, empty folder."""
    is_packaged = scheme_of(request.name)[0] == "pip"
    packages = [
        name for name, extra in EXTRAS.values() if extra == EXTRA_OF.get(backbone.column_type)
    ]
    own = [BACKBONES[request.name].distribution] if is_packaged else []
    facts = {
        "request": {**asdict(request), "folder": ""},
        "digest": backbone.digest,
        "width": backbone.width,
        "n_weights": backbone.n_weights,
        "group": asdict(backbone.group),
        "is_packaged": is_packaged,
        "requirements": own + packages,
    }
    (folder / FACTS).write_text(json.dumps(facts, indent=2, ensure_ascii=False), encoding="utf-8")
    if not is_packaged:
        backbone.build().save(folder / TRUNK)
        backbone.reader.save(folder)


def load_backbone(folder: Path) -> tuple[str, Backbone]:
    """Return the column and the backbone that `save_backbone` wrote.

    Raises:
        WeightsError: its package is not installed, or has other weights.
        ExtraError: a package that reads its columns is not installed.
    """
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    request = _request(facts["request"])
    if not facts["is_packaged"]:
        return request.column.name, SavedBackbone(
            request.name,
            facts["digest"],
            request.column.type,
            facts["width"],
            facts["n_weights"],
            Spec(tuple(facts["group"]["shape"]), facts["group"]["dtype"]),
            folder,
        )
    backbone = open_backbone(request)
    if backbone.digest != facts["digest"]:
        message = (
            f"{folder}: the weights of backbone {request.name} here, or how they are read, are not "
            "those that the model was trained with. Install the versions of "
            f"{BACKBONES[request.name].distribution} and dlrun that it was trained with"
        )
        raise WeightsError(message)
    return request.column.name, backbone


def _request(facts: dict[str, Any]) -> BackboneRequest:
    column = facts["column"]
    lists = {name: tuple(column[name]) for name in ("shape", "parts", "missing")}
    return BackboneRequest(**{**facts, "folder": Path(), "column": Column(**{**column, **lists})})


@dataclass(frozen=True)
class SavedBackbone(Backbone):
    """A frozen backbone whose network is in the folder of a model."""

    name: str
    digest: str
    column_type: str
    width: int
    n_weights: int
    shape: Spec
    folder: Path

    is_trainable = True

    @property
    def group(self) -> Spec:
        """Describe what enters it."""
        return self.shape

    @property
    def reader(self) -> Reader:
        """Return the reader that was saved with it."""
        return load_reader(self.column_type, self.folder)

    def build(self) -> Any:
        """Load the network."""
        from dlrun.deep.backend import keras

        return keras.models.load_model(self.folder / TRUNK)

    def blocks(self, trunk: Any) -> tuple[tuple[Any, ...], ...]:
        """Return all layers: it is frozen."""
        return (tuple(trunk.layers),)

    def projections(self, trunk: Any) -> tuple[Any, ...]:
        """Return none: it is frozen."""
        return ()
