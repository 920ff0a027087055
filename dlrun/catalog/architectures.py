"""Architectures: what each is made for, and its settings with their defaults.

The network itself is built by the module of `dlrun.deep.architectures` that has the row's name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from dlrun.catalog.architecture_settings import (
    Cnn,
    Fcn,
    FtTransformer,
    InceptionTime,
    Layers,
    Mlp,
    Pretrained,
    Resnet,
    Rnn,
    Settings,
    Tabm,
    TabularPrior,
    TextCnn,
    Transformer,
)
from dlrun.contract.search import Dimension

RATES: Final = Dimension(log=(3e-4, 1e-2))
ATTENTION_RATES: Final = Dimension(log=(1e-4, 3e-3))


@dataclass(frozen=True)
class Architecture:
    """An architecture that a recipe can name.

    Attributes:
        claims: the kinds of columns that it is made for; empty: any.
        is_encoder: whether it is built on one group of a claimed kind at a time, and the other
            groups go through dense layers; else it is built on all groups at once.
        is_ensemble: whether it ends in (rows, members, width) rather than (rows, width).
        is_pretrained: whether it starts from weights that other data gave it.
        is_trained: whether it is trained on the rows; else it only answers from them.
        rates: the learning rates that a search tries with Adam and its kin.
    """

    name: str
    title: str
    settings: type[Settings]
    claims: tuple[str, ...] = ()
    is_encoder: bool = False
    is_ensemble: bool = False
    is_pretrained: bool = False
    is_trained: bool = True
    rates: Dimension = RATES

    @property
    def space(self) -> Mapping[str, Dimension]:
        """Return what a search tries of the settings."""
        found = {
            name: [each for each in field.metadata if isinstance(each, Dimension)]
            for name, field in self.settings.model_fields.items()
        }
        return {name: dimensions[0] for name, dimensions in found.items() if dimensions}

    def fits(self, kinds: Collection[str]) -> bool:
        """Say whether it is made for any of these kinds of columns."""
        return not self.claims or not set(self.claims).isdisjoint(kinds)


def _encoder(
    name: str, title: str, settings: type[Settings], *claims: str, rates: Dimension = RATES
) -> Architecture:
    return Architecture(name, title, settings, claims, is_encoder=True, rates=rates)


TABLE: Final = ("number", "category", "datetime")

ARCHITECTURES: Final = {
    row.name: row
    for row in (
        Architecture("mlp", "fully connected layers over the joined columns", Mlp),
        Architecture(
            "tabm", "an ensemble of networks that share their layers (numbers, categories, dates)",
            Tabm, TABLE, is_ensemble=True,
        ),
        Architecture(
            "ft_transformer", "a transformer over columns (numbers, categories, dates)",
            FtTransformer, TABLE, rates=ATTENTION_RATES,
        ),
        Architecture(
            "tabular_prior",
            "answers from the training rows, trained on synthetic tables alone (experimental)",
            TabularPrior, TABLE, is_pretrained=True, is_trained=False,
        ),
        Architecture("layers", "any keras.layers, listed in the recipe", Layers),
        _encoder(
            "text_cnn",
            "convolutions over the words of a text, the strongest answer of each filter",
            TextCnn, "text",
        ),
        _encoder(
            "rnn", "recurrent layers (lstm, gru, simple) over a text, a sound or a series",
            Rnn, "text", "audio", "series",
        ),
        _encoder(
            "transformer", "encoder blocks over a text, a sound, a series or patches of an image",
            Transformer, "image", "text", "audio", "series", rates=ATTENTION_RATES,
        ),
        _encoder(
            "fcn", "three convolutions over a series or a sound, averaged over its length",
            Fcn, "audio", "series",
        ),
        _encoder(
            "inception_time", "modules of convolutions of several sizes over a series",
            InceptionTime, "series",
        ),
        _encoder(
            "cnn", "convolutional blocks over an image, a sound or a series",
            Cnn, "image", "audio", "series",
        ),
        _encoder("resnet", "residual blocks over an image or a sound", Resnet, "image", "audio"),
        Architecture(
            "pretrained", "a network with pretrained weights over a text, an image or a sound",
            Pretrained, ("text", "image", "audio"), is_encoder=True, is_pretrained=True,
        ),
    )
}  # fmt: skip


def takes_any(architecture: str) -> bool:
    """Say whether an architecture is made for columns of any kind, and so for plain numbers."""
    row = ARCHITECTURES.get(architecture)
    return row is None or not row.claims


def is_function(architecture: str) -> bool:
    """Say whether the name has the form package.module:function."""
    module, colon, function = architecture.partition(":")
    parts = [*module.split("."), function]
    return bool(colon) and all(part.isidentifier() for part in parts)
