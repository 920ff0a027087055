"""Random changes to encoded rows, made while training alone and never saved with the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from dlrun.deep.backend import keras
from dlrun.deep.inputs.audio import AudioEncoding
from dlrun.deep.inputs.encoding import Encoding
from dlrun.deep.inputs.image import WHITE, ImageEncoding
from dlrun.recipe.preprocessing import Augment, Preprocessing, SpecAugment

N_MASKS: Final = 2  # of each kind, as in SpecAugment's policies for LibriSpeech
FRAMES, BANDS = 1, 2  # axes

ops = keras.ops


def make_augmentations(
    encodings: Mapping[str, Encoding], preprocessing: Preprocessing
) -> dict[str, Callable[[Any], Any]]:
    """Make what the recipe asks for: group → a function of its encoded tensor.

    Layers are made when the function is called, after the network's own: these start with the
    same weights whether rows are changed or not.
    """
    made: dict[str, Callable[[Any], Any]] = {}
    image, audio = preprocessing.image.augment, preprocessing.audio.augment
    for name, encoding in encodings.items():
        if isinstance(encoding, ImageEncoding) and image != Augment():
            made[name] = partial(_change_image, image)
        elif isinstance(encoding, AudioEncoding) and audio != SpecAugment():
            made[name] = partial(_change_sound, audio, encoding.n_mels)
    return made


def _change_image(augment: Augment, image: Any) -> Any:
    """Change images, (rows, height, width, channels) uint8, and round to bytes again."""
    changed = ops.cast(image, "float32")
    for layer in _image_layers(augment):
        changed = layer(changed)
    return ops.cast(ops.clip(ops.round(changed), 0, WHITE), "uint8")


def _image_layers(augment: Augment) -> Iterator[Any]:
    """Make the layers; what comes into the picture from outside repeats its edge."""
    flip = "horizontal" if augment.flip is True else augment.flip
    # Keras' own horizontal_and_vertical flips along both sides or none.
    for side in flip.split("_and_") if flip else ():
        yield keras.layers.RandomFlip(side, dtype="float32")
    outside = {"fill_mode": "nearest", "dtype": "float32"}
    if augment.rotation:
        yield keras.layers.RandomRotation(augment.rotation, **outside)
    if augment.shift:
        yield keras.layers.RandomTranslation(augment.shift, augment.shift, **outside)
    if augment.zoom:
        yield keras.layers.RandomZoom(augment.zoom, **outside)
    if augment.contrast:
        yield keras.layers.RandomContrast(augment.contrast, (0, WHITE), dtype="float32")


def _change_sound(augment: SpecAugment, n_mels: int, sound: Any) -> Any:
    """Hide stretches of log-mel bands and frames, (rows, frames, bands).

    Time warping is left out: SpecAugment's authors found that it adds least and takes longest.
    """
    for axis, share in ((BANDS, augment.frequency), (FRAMES, augment.time)):
        if share:
            for _ in range(N_MASKS):
                sound = _Mask(axis, share, n_mels)(sound)
    return sound


class _Mask(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Hides a random stretch of bands or frames of each row: sets it to zero, the mean.

    Keras has no such layer; it needs one of its own for the state of its random numbers.
    """

    def __init__(self, axis: int, share: float, n_mels: int) -> None:
        super().__init__(dtype="float32")
        self.axis, self.share, self.n_mels = axis, share, n_mels
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, tensor: Any, training: bool = False) -> Any:
        """Hide stretches of (rows, frames, bands); a channel that tells padding stays."""
        if not training:
            return tensor
        n_rows, length = ops.shape(tensor)[0], tensor.shape[self.axis]
        length = self.n_mels if self.axis == BANDS else length
        uniform = keras.random.uniform((n_rows, 2, 1), seed=self.seed_generator)
        width = ops.floor(uniform[:, 0] * (self.share * length + 1))
        start = ops.floor(uniform[:, 1] * (length - width + 1))
        places = ops.arange(tensor.shape[self.axis], dtype="float32")
        is_hidden = (places >= start) & (places < start + width)
        if self.axis == FRAMES:
            channels = ops.arange(tensor.shape[BANDS]) < self.n_mels
            is_hidden = is_hidden[:, :, None] & channels
        else:
            is_hidden = is_hidden[:, None, :]
        return ops.where(is_hidden, 0.0, tensor)
