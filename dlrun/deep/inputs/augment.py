"""Augmentation: random changes to encoded rows in training, not saved with the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from dlrun.deep.backend import keras
from dlrun.deep.inputs.audio import AudioEncoding
from dlrun.deep.inputs.encoding import Encoding
from dlrun.deep.inputs.image import WHITE
from dlrun.recipe.preprocessing import Augment, Preprocessing, SpecAugment

N_MASKS: Final = 2  # of each kind, as in SpecAugment's policies for LibriSpeech
FRAMES, BANDS = 1, 2  # axes

ops = keras.ops


def make_augmentations(
    encodings: Mapping[str, Encoding], preprocessing: Preprocessing
) -> dict[str, Callable[[Any], Any]]:
    """Make the augmentations of the recipe: group → a function of its encoded tensor.

    Its layers are made when it is called, after those of the network, whose initial weights are
    then the same with and without augmentation.
    """
    augmentations: dict[str, Callable[[Any], Any]] = {}
    image, audio = preprocessing.image.augment, preprocessing.audio.augment
    for name, encoding in encodings.items():
        if encoding.encoded.dtype == "uint8" and image != Augment():
            augmentations[name] = partial(_augment_image, image)
        elif isinstance(encoding, AudioEncoding) and audio != SpecAugment():
            augmentations[name] = partial(_augment_sound, audio, encoding.n_mels)
    return augmentations


def _augment_image(augment: Augment, image: Any) -> Any:
    """Augment images, (rows, height, width, channels) uint8, rounded to bytes again."""
    changed = ops.cast(image, "float32")
    for layer in _image_layers(augment):
        changed = layer(changed)
    return ops.cast(ops.clip(ops.round(changed), 0, WHITE), "uint8")


def _image_layers(augment: Augment) -> Iterator[Any]:
    """Make the layers; pixels from outside repeat the edge."""
    flip = "horizontal" if augment.flip is True else augment.flip
    # Keras' own horizontal_and_vertical flips along both sides or none.
    for side in flip.split("_and_") if flip else ():
        yield keras.layers.RandomFlip(side, dtype="float32")
    filled = {"fill_mode": "nearest", "dtype": "float32"}
    if augment.rotation:
        yield keras.layers.RandomRotation(augment.rotation, **filled)
    if augment.shift:
        yield keras.layers.RandomTranslation(augment.shift, augment.shift, **filled)
    if augment.zoom:
        yield keras.layers.RandomZoom(augment.zoom, **filled)
    if augment.contrast:
        yield keras.layers.RandomContrast(augment.contrast, (0, WHITE), dtype="float32")


def _augment_sound(augment: SpecAugment, n_mels: int, sound: Any) -> Any:
    """Mask stretches of log-mel bands and frames, (rows, frames, bands), as SpecAugment does.

    Time warping is left out: its authors found that it adds least and takes longest.
    """
    for axis, share in ((BANDS, augment.frequency), (FRAMES, augment.time)):
        if share:
            for _ in range(N_MASKS):
                sound = _Mask(axis, share, n_mels)(sound)
    return sound


class _Mask(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Sets a random stretch of bands or frames of each row to zero, the mean.

    A layer, for the state of its random numbers.
    """

    def __init__(self, axis: int, share: float, n_mels: int, **others: Any) -> None:
        super().__init__(**{**others, "dtype": "float32"})
        self.axis, self.share, self.n_mels = axis, share, n_mels
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, tensor: Any, training: bool = False) -> Any:
        """Mask stretches of (rows, frames, bands); the channel of the padding mask stays."""
        if not training:
            return tensor
        n_rows, length = ops.shape(tensor)[0], tensor.shape[self.axis]
        length = self.n_mels if self.axis == BANDS else length
        uniform = keras.random.uniform((n_rows, 2, 1), seed=self.seed_generator)
        width = ops.floor(uniform[:, 0] * (self.share * length + 1))
        start = ops.floor(uniform[:, 1] * (length - width + 1))
        positions = ops.arange(tensor.shape[self.axis], dtype="float32")
        is_masked = (positions >= start) & (positions < start + width)
        if self.axis == FRAMES:
            channels = ops.arange(tensor.shape[BANDS]) < self.n_mels
            is_masked = is_masked[:, :, None] & channels
        else:
            is_masked = is_masked[:, None, :]
        return ops.where(is_masked, 0.0, tensor)
