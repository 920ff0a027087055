"""The section `preprocessing` of a recipe: how each type of column is prepared."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveFloat, PositiveInt

from dlrun.recipe.section import Auto, Section


class Number(Section):
    """How numbers are prepared."""

    impute: Literal["median", "mean", "zero", "error"] = "median"
    scale: Literal["standard", "quantile", "minmax", "none"] = "standard"


class Category(Section):
    """How categories are prepared."""

    encode: Literal["auto", "onehot", "embedding"] = "auto"
    """auto: one-hot up to 16 values, a learned embedding above."""
    min_count: PositiveInt = 1
    """Values rarer than this among the training rows share the slot of unseen values."""


class Text(Section):
    """How text is prepared."""

    max_tokens: PositiveInt = 20000
    sequence_length: PositiveInt | Auto = "auto"
    level: Literal["word", "char"] = "word"
    lowercase: bool = True


class Augment(Section):
    """Random changes to training images."""

    flip: Literal["horizontal", "vertical", "horizontal_and_vertical"] | bool | None = None
    rotation: float | None = None
    shift: float | None = None
    zoom: float | None = None
    contrast: float | None = None


class Image(Section):
    """How images are prepared."""

    size: tuple[PositiveInt, PositiveInt] | Auto = "auto"
    color: Literal["auto", "rgb", "grayscale"] = "auto"
    augment: Augment = Augment()


class Audio(Section):
    """How sounds are prepared."""

    sample_rate: PositiveInt | Auto = "auto"
    seconds: PositiveFloat | Auto = "auto"
    features: Literal["log_mel", "waveform"] = "log_mel"
    mels: PositiveInt = 64


class Series(Section):
    """How time series are prepared."""

    length: PositiveInt | Auto = "auto"
    scale: Literal["standard", "minmax", "none"] = "standard"


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
