"""Which backbone reads which column of a network; imports no TensorFlow."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Final

from dlrun.catalog.architecture_settings import Pretrained
from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.catalog.backbones import BACKBONES, default_backbone, scheme_of
from dlrun.contract.dataset import Column
from dlrun.deep.backbones.backbone import BackboneRequest
from dlrun.deep.inputs.groups import group_columns
from dlrun.deep.spec import NetworkSpec
from dlrun.recipe.preprocessing import Augment
from dlrun.recipe.schema import Model
from dlrun.recipe.training import Training

BACKBONE_RATE: Final = 2e-5  # as BERT is fine-tuned (Devlin et al. 2019)
ADAPTER_RATE: Final = 1e-4


def is_pretrained(model: Model) -> bool:
    """Say whether a model is trained from pretrained weights."""
    row = ARCHITECTURES.get(model.architecture)
    return row is not None and row.is_pretrained and row.is_trained


def pretrained_settings(model: Model) -> Pretrained:
    """Return the settings of a model that starts from pretrained weights."""
    return Pretrained(**model.settings)


def backbone_requests(spec: NetworkSpec, columns: Sequence[Column]) -> dict[str, BackboneRequest]:
    """Return group → the backbone that it enters; other groups go through dense layers."""
    if not is_pretrained(spec.model):
        return {}
    settings = pretrained_settings(spec.model)
    claims = ARCHITECTURES[spec.model.architecture].claims
    requests = {}
    for name, group in group_columns(columns).items():
        kind = group[0].type
        if kind in claims and reads(settings.backbone, kind):
            requests[name] = BackboneRequest(
                settings.backbone or default_backbone(kind),
                group[0],
                spec.folder,
                settings.size,
                spec.preprocessing.text.sequence_length,
                settings.pooling,
            )
    return requests


def backbone_rate(spec: NetworkSpec) -> float:
    """Return the peak learning rate of a backbone's own weights."""
    rate = spec.training.backbone_rate
    if rate != "auto":
        return rate
    is_adapted = is_pretrained(spec.model) and pretrained_settings(spec.model).train == "lora"
    return ADAPTER_RATE if is_adapted else BACKBONE_RATE


def fine_tunes(spec: NetworkSpec, columns: Sequence[Column]) -> bool:
    """Say whether pretrained weights are trained."""
    is_chosen = is_pretrained(spec.model) and pretrained_settings(spec.model).train != "head"
    return is_chosen and bool(backbone_requests(spec, columns))


def head_spec(spec: NetworkSpec) -> NetworkSpec:
    """Return the spec of the same network on a frozen backbone."""
    frozen = spec.with_settings({"model.train": "head"})
    suited = pretrained_settings(frozen.model).suited_training
    kept = {"optimizer", "loss", "class_weight", "precision", "strategy", "deterministic"}
    training = Training.model_validate({**suited, **spec.training.model_dump(include=kept)})
    image = spec.preprocessing.image.model_copy(update={"augment": Augment()})
    preprocessing = spec.preprocessing.model_copy(update={"image": image})
    return replace(frozen, training=training, preprocessing=preprocessing)


def reads(backbone: str | None, column_type: str) -> bool:
    """Say whether a backbone reads columns of a type, as far as its name says."""
    scheme, name = scheme_of(backbone or default_backbone(column_type))
    return scheme != "pip" or BACKBONES[name].column_type == column_type


def local_weights(spec: NetworkSpec, columns: Sequence[Column]) -> str:
    """Return the digest of the local files with the weights, and nothing for those that stay."""
    names = {request.name for request in backbone_requests(spec, columns).values()}
    local = [spec.folder / Path(name).expanduser() for name in names if _is_local(name)]
    files = [each for path in local for each in ([path] if path.is_file() else path.rglob("*"))]
    states = [(each, each.stat()) for each in sorted(files) if each.is_file()]
    parts = [_digest(path, state.st_mtime_ns, state.st_size) for path, state in states]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16] if parts else ""


def _is_local(backbone: str) -> bool:
    return scheme_of(backbone)[0] == "folder"


@cache
def _digest(file: Path, _mtime: int, _size: int) -> str:
    """Digest a file's content, once while it does not change."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
