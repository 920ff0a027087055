"""Features: the numbers that a candidate computes from images, texts, sounds and series.

The code of a feature is the function `<name>_steps` of the module `dlrun.classic.features` that
has the name of its column type, or its own name where it is made of columns of several types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from dlrun.catalog.backbones import TYPES as BACKBONE_TYPES

Encoding = Literal["onehot", "onehot_dense", "onehot_network", "ordinal", "native", "none"]
"""How columns become a matrix.

onehot: numbers imputed and scaled, a sparse column for each value of a category and for each
    n-gram of a text;
onehot_dense: the same in a dense matrix, with columns for at most the 32 most frequent values of a
    category, and texts reduced to 100 components;
onehot_network: as onehot_dense, but of a text the 5,000 n-grams with the largest chi-squared
    statistic;
ordinal: numbers imputed, categories as integers, for trees that split on order; texts reduced;
native: numbers with NaN kept and categories as integers, for boosting that supports both;
none: no features.
"""


@dataclass(frozen=True)
class Package:
    """An optional package: the module, the extra of dlrun that installs it, its name on PyPI."""

    module: str
    extra: str
    distribution: str


@dataclass(frozen=True)
class Feature:
    """Numbers computed from a column.

    Attributes:
        column_types: the types of the columns; a type's first feature is its default.
        title: what is computed, in one line.
        package: what it needs beside scikit-learn.
        is_raw: whether it is the values themselves.
        is_learned: whether a pretrained network makes it. A candidate may have it beside another
            feature of the same columns. Features that are neither raw nor learned are engineered.
        is_readable: whether a person can say what each number, or the sum of weighted ones, means.
        trusted: types of other packages that a saved model with this feature contains.
    """

    name: str
    column_types: tuple[str, ...]
    title: str
    package: Package | None = None
    is_raw: bool = False
    is_learned: bool = False
    is_readable: bool = True
    trusted: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """Return the name of the module that computes it."""
        return self.name if len(self.column_types) > 1 else self.column_types[0]


AEON: Final = Package("aeon", "series", "aeon")
EMBED: Final = "embed"

FEATURES: Final = {
    row.name: row
    for row in (
        Feature(
            "pixels", ("image",), is_raw=True,
            title="values from 0 to 1 of at most 32 × 32 pixels; 200 components where scale counts",
        ),
        Feature(
            "hog", ("image",), package=Package("skimage", "vision", "scikit-image"),
            title="200 components of histograms of oriented gradients (extra: vision)",
        ),
        Feature(
            "tfidf", ("text",),
            title="TF-IDF of words, pairs of words and 3 to 5 letters; 100 components for trees, "
            "the 5,000 with the largest chi-squared for networks",
        ),
        Feature(
            "mfcc", ("audio",), package=Package("librosa", "sound", "librosa"),
            title="cepstral coefficients and spectral shape, mean and deviation (extra: sound)",
        ),
        Feature(
            "waveform", ("audio",), is_raw=True,
            title="the first 16,384 samples; 200 components where scale counts",
        ),
        Feature(
            "flat", ("series",), is_raw=True,
            title="the values, missing steps interpolated, resampled to one length",
        ),
        Feature("summary", ("series",), "mean, deviation, quartiles and slope of each channel"),
        Feature(
            "catch22", ("series",), package=AEON,
            title="22 canonical characteristics of each channel (extra: series)",
        ),
        Feature(
            "mini_rocket", ("series",), package=AEON, is_readable=False,
            title="10,000 random convolutions (extra: series)",
            trusted=("aeon.transformations.collection.convolution_based._minirocket.MiniRocket",),
        ),
        Feature(
            "multi_rocket", ("series",), package=AEON, is_readable=False,
            title="50,000 numbers from random convolutions (extra: series)",
            trusted=("aeon.transformations.collection.convolution_based._multirocket.MultiRocket",),
        ),
        Feature(
            EMBED, BACKBONE_TYPES, is_learned=True, is_readable=False,
            title="the vector that a pretrained network makes of a cell",
        ),
    )
}  # fmt: skip


def features_of_type(column_type: str) -> tuple[Feature, ...]:
    """Return the features of a column type, the default first."""
    return tuple(row for row in FEATURES.values() if column_type in row.column_types)
