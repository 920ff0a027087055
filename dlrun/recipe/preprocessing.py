"""The section `preprocessing` of a recipe: how each type of column is prepared."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import PositiveFloat, PositiveInt, model_validator

from dlrun.recipe.base import Auto, Section, Share


class Number(Section):
    """How numbers are prepared."""

    impute: Literal["median", "mean", "zero", "error"] = "median"
    scale: Literal["standard", "quantile", "minmax", "none"] = "standard"
    encode: Literal["none", "plr", "ple"] = "none"
    """How networks embed each number: plr by learned waves, ple piecewise linear over quantiles."""


class Category(Section):
    """How categories are prepared."""

    encode: Literal["auto", "onehot", "embedding"] = "auto"
    """auto: one-hot up to 16 values, a learned embedding above."""
    min_count: PositiveInt = 1
    """Values rarer than this among the training rows share the slot of unseen values."""


class Text(Section):
    """How text is prepared."""

    max_tokens: PositiveInt = 20000
    """The most frequent tokens of the training rows, padding and unknown included."""
    sequence_length: PositiveInt | Auto = "auto"
    """Tokens that a network reads, from the start; auto: all tokens of 95 % of the training rows,
    up to 512 words or 2048 characters."""
    level: Literal["word", "char"] = "word"
    """word: split at white space, without punctuation; char: every character."""
    lowercase: bool = True
    """A network lowers the letters A to Z alone."""


class Augment(Section):
    """Random changes to images while training; each is off by default."""

    flip: Literal["horizontal", "vertical", "horizontal_and_vertical"] | bool | None = None
    """true: horizontal, which mirrors left and right."""
    rotation: Share | None = None
    """Most that an image is turned to either side, as a share of a full turn."""
    shift: Share | None = None
    """Most that it is moved along each side, as a share of that side."""
    zoom: Share | None = None
    """Most that it is made larger or smaller; 0.1: by 10 %."""
    contrast: Share | None = None
    """Most that its contrast is raised or lowered; 0.2: by 20 %."""


class Image(Section):
    """How images are prepared."""

    size: tuple[PositiveInt, PositiveInt] | Auto = "auto"
    """Height and width that all images are brought to; auto: their medians, scaled down together
    until the longer side has at most 128 pixels."""
    color: Literal["auto", "rgb", "grayscale"] = "auto"
    """auto: grayscale if all images are gray."""
    augment: Augment = Augment()


class SpecAugment(Section):
    """Ranges of a sound's log-mel that are masked while training (Park et al. 2019)."""

    frequency: Share | None = None
    """Widest of two stretches of bands, as a share of all bands."""
    time: Share | None = None
    """Longest of two stretches of frames, as a share of all frames."""


class Audio(Section):
    """How sounds are prepared."""

    sample_rate: PositiveInt | Auto = "auto"
    """Samples per second that all sounds are brought to; auto: the most common rate."""
    seconds: PositiveFloat | Auto = "auto"
    """Length of each sound, from its start; auto: the longest sound, but at most twice the 95 %
    quantile."""
    features: Literal["log_mel", "waveform"] = "log_mel"
    """Input of a network: the energy of bands in frames of 25 ms every 10 ms, or the samples."""
    mels: PositiveInt = 64
    """Bands, evenly spaced on the mel scale."""
    augment: SpecAugment = SpecAugment()

    @model_validator(mode="after")
    def _bands_to_mask(self) -> Self:
        if self.features == "waveform" and self.augment != SpecAugment():
            message = (
                "augment hides bands and frames of the log-mel, but features is waveform. "
                "Set features to log_mel, or remove augment"
            )
            raise ValueError(message)
        return self


class Series(Section):
    """How time series are prepared."""

    length: PositiveInt | Auto = "auto"
    """Steps that a network reads, from the start; auto: all steps of the longest training row."""
    scale: Literal["standard", "minmax", "none"] = "standard"
    """Of each channel, over all steps of the training rows; missing values become its mean."""


class Datetime(Section):
    """How dates and times are prepared."""

    parts: (
        Auto
        | list[
            Literal["year", "month", "day", "weekday", "day_of_year", "hour", "minute", "second"]
        ]
    ) = "auto"
    """auto: the parts that vary among the training rows."""


class Preprocessing(Section):
    """Per column type; fitted on the training rows only, the same rows for every candidate."""

    number: Number = Number()
    category: Category = Category()
    text: Text = Text()
    image: Image = Image()
    audio: Audio = Audio()
    series: Series = Series()
    datetime: Datetime = Datetime()
