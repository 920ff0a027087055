"""Where image networks come from: EfficientNet-Lite0, keras.applications, a user's own file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from dlrun.catalog.applications import Application, application_of, find_application
from dlrun.catalog.backbones import BACKBONES, scheme_of
from dlrun.deep.backbones import efficientnet_lite
from dlrun.deep.backbones.backbone import BackboneRequest
from dlrun.deep.backbones.image_body import (
    AS_ITS_OWN,
    MEANS,
    STDS,
    WHITE,
    Body,
    Scaling,
)
from dlrun.deep.backbones.torch_file import read_state
from dlrun.deep.backend import keras
from dlrun.errors import RecipeError, TrainingError
from dlrun.system.text import first_line

AUTO_SIZE: Final = 128  # pixels of a side under `auto`: half the cost of the usual 224, or less
COLORS: Final = 3
PLACES: Final = 4  # axes of a map: rows, height, width, channels
OWN: Final = ".keras"  # ends the name of a whole model
WEIGHTS: Final = ".h5"

_ROOTS: Final = tuple(std**-0.5 for std in STDS)

SCALINGS: Final[Mapping[str, Scaling]] = {
    "none": AS_ITS_OWN,
    "tf": Scaling(2 / WHITE, -1.0),
    "torch": Scaling(
        tuple(1 / (WHITE * std) for std in STDS),
        tuple(-mean / std for mean, std in zip(MEANS, STDS, strict=True)),
    ),
    "caffe": Scaling(1.0, (-103.939, -116.779, -123.68), is_bgr=True),
    # Within, it takes the mean away and divides by the root of STDS; where Keras loads ImageNet's
    # weights by itself it divides once more. So here what remains of that is done before.
    "efficientnet": Scaling(
        _ROOTS,
        tuple(WHITE * mean * (1 - root) for mean, root in zip(MEANS, _ROOTS, strict=True)),
    ),
}
"""As `dlrun.catalog.applications.PixelScaling` names them."""


def open_body(path: Path, request: BackboneRequest) -> Body:
    """Return the network whose weights are at a path.

    Raises:
        RecipeError: its architecture is not known, or it does not take images of this size.
        WeightsError: its file is damaged.
    """
    scheme, key = scheme_of(request.name)
    if scheme == "pip":
        return _lite0(path, request)
    if path.suffix == OWN and path.is_file():
        return _own(path, request)
    row = find_application(key) if scheme == "keras" else application_of(path.name)
    if row is None or path.suffix != WEIGHTS or not path.is_file():
        message = (
            f"backbone {request.name}: {path} is no network over images. Allowed: a whole Keras "
            "model (NAME.keras), or weights of a network of keras.applications in a file whose "
            "name begins with its name (resnet50.weights.h5, efficientnetv2-b0_notop.h5)"
        )
        raise RecipeError(message)
    return _application(row, path, request)


def _lite0(path: Path, request: BackboneRequest) -> Body:
    state = read_state(path)
    size = _size(request)
    return Body(
        (size, size),
        BACKBONES[request.name].width,
        efficientnet_lite.count_weights(state),
        Scaling(1 / 128, -127 / 128),
        _digest(path),
        partial(efficientnet_lite.build, state, size),
    )


def _application(row: Application, path: Path, request: BackboneRequest) -> Body:
    def build() -> Any:
        network = getattr(keras.applications, row.function)(
            include_top=False, weights=None, input_shape=(size, size, COLORS), pooling="avg"
        )
        network.load_weights(path)
        return network

    size = _size(request)
    return Body(
        (size, size),
        row.width,
        row.n_weights,
        SCALINGS[row.scaling],
        f"{row.function} {_digest(path)}",
        partial(_checked, build, f"{path} does not fit {row.function} at {size} × {size} pixels"),
    )


def _own(path: Path, request: BackboneRequest) -> Body:
    """Return a user's own model, which scales its pixels itself."""
    load = partial(keras.models.load_model, path, compile=False, safe_mode=True)
    make = partial(_checked, load, f"{path} cannot be loaded")
    network = make()
    taken, made = network.input_shape, network.output_shape
    if not _fits(taken, made):
        message = (
            f"backbone {request.name} takes {taken} and makes {made}. It must take (rows, height, "
            "width, 3) images and make (rows, width) vectors or (rows, height, width, channels)"
        )
        raise RecipeError(message)
    fixed = taken[1:3] if all(taken[1:3]) else None
    if fixed and request.size != "auto" and fixed != (request.size,) * 2:
        message = (
            f"backbone {request.name} takes images of {fixed[0]} × {fixed[1]} pixels only: leave "
            "model.size out"
        )
        raise RecipeError(message)
    size = fixed or (_size(request),) * 2
    n_weights = network.count_params()
    return Body(size, made[-1], n_weights, AS_ITS_OWN, _digest(path), make)


def _fits(taken: Any, made: Any) -> bool:
    """Return whether a model takes images in colour and makes vectors or maps."""
    if not (isinstance(taken, tuple) and isinstance(made, tuple)):  # of one input and output
        return False
    return len(taken) == PLACES and taken[-1] == COLORS and len(made) in (2, PLACES)


def _checked(make: Callable[[], Any], fault: str) -> Any:
    try:
        return make()
    except Exception as error:  # of any kind, as the file says what is made
        message = f"{fault}: {first_line(error)}"
        raise TrainingError(message) from error


def _size(request: BackboneRequest) -> int:
    return AUTO_SIZE if request.size == "auto" else request.size


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
