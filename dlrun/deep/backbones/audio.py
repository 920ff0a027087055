"""The speech embedding of Google (Lin et al. 2020), as openWakeWord has it, of whole sounds."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, gcd
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backbones import extras
from dlrun.deep.backbones.backbone import Backbone, BackboneRequest, Reader
from dlrun.deep.backbones.weights import find_weights
from dlrun.deep.inputs.encoding import Spec
from dlrun.errors import TrainingError, WeightsError
from dlrun.system.text import first_line

MEL, EMBEDDING = "melspectrogram.onnx", "embedding_model.onnx"
FILES: Final = (MEL, EMBEDDING)
SETTINGS: Final = "reader.json"
RATE: Final = 16_000  # samples per second
FULL_SCALE: Final = 32_767.0  # both networks were trained on 16-bit numbers
WINDOW: Final = 76  # frames that are embedded at once
STEP: Final = 8  # frames from one window to the next
HOP: Final = 160  # samples from one frame to the next
WINDOW_SAMPLES: Final = (WINDOW + 3) * HOP
LEAD: Final = 4_800  # samples of silence in front of a sound
CHANNELS: Final = 96
N_WEIGHTS: Final = 330_000  # about, of the embedding
BATCH: Final = 64  # windows
VERSION: Final = 1  # of what is made of the windows


@dataclass(frozen=True)
class SpeechReader(Reader):
    """Makes a vector of a sound: the mean over its windows of .8 seconds.

    Attributes:
        folder: of the two networks.
        rate: samples per second of the sounds.
    """

    folder: Path
    rate: int

    def read(self, cells: Sequence[Any]) -> NDArray[np.float32]:
        """Return (rows, 96) float32."""
        vectors = np.empty((len(cells), CHANNELS), dtype=np.float32)
        for vector, cell in zip(vectors, cells, strict=True):
            vector[:] = self._windows(np.ravel(cell)).mean(axis=0)
        return vectors

    def save(self, folder: Path) -> None:
        """Write the two networks, and the rate."""
        for name in FILES:
            shutil.copyfile(self.folder / name, folder / name)
        (folder / SETTINGS).write_text(json.dumps({"rate": self.rate}), encoding="utf-8")

    def _windows(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vectors of all windows, (windows, 96)."""
        padded = _pad(_resample(samples, self.rate)) * np.float32(FULL_SCALE)
        (bands,) = _session(self.folder / MEL).run(None, {"input": padded[None]})
        # So that the bands are as those that Google's network was trained on.
        frames = bands.reshape(-1, bands.shape[-1]) / 10 + 2
        starts = range(0, len(frames) - WINDOW + 1, STEP)
        windows = np.stack([frames[start : start + WINDOW] for start in starts])[..., None]
        session = _session(self.folder / EMBEDDING)
        parts = [
            session.run(None, {"input_1": windows[start : start + BATCH]})[0]
            for start in range(0, len(windows), BATCH)
        ]
        vectors: NDArray[np.float32] = np.concatenate(parts)
        return vectors.reshape(-1, CHANNELS)


@dataclass(frozen=True)
class SpeechBackbone(Backbone):
    """The embedding of one sound column; always frozen, its reader makes the vectors."""

    name: str
    digest: str
    speech_reader: SpeechReader

    column_type: ClassVar[str] = "audio"  # type: ignore[misc]
    width: ClassVar[int] = CHANNELS  # type: ignore[misc]
    is_trainable: ClassVar[bool] = False  # type: ignore[misc]
    n_weights: ClassVar[int] = N_WEIGHTS  # type: ignore[misc]

    @property
    def group(self) -> Spec:
        """Describe the vectors."""
        return Spec((CHANNELS,), "float32")

    @property
    def reader(self) -> SpeechReader:
        """Return what makes the vectors."""
        return self.speech_reader

    def build(self) -> Any:
        """Raise an error: there is no Keras model of it.

        Raises:
            TrainingError: always.
        """
        message = f"backbone {self.name} cannot be trained: take train: head"
        raise TrainingError(message)

    def blocks(self, trunk: Any) -> tuple[tuple[Any, ...], ...]:
        """Return none."""
        return ()

    def projections(self, trunk: Any) -> tuple[Any, ...]:
        """Return none."""
        return ()


def open(request: BackboneRequest) -> SpeechBackbone:
    """Open the backbone of a sound column.

    Raises:
        RecipeError: there is none of this name.
        WeightsError: its two networks are not here.
        ExtraError: the package that runs them is not installed.
    """
    folder = find_weights(request.name, "audio", request.folder)
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        message = f"backbone {request.name}: {folder} has no {' and no '.join(missing)}"
        raise WeightsError(message)
    extras.load("onnxruntime")
    content = [VERSION, LEAD, request.column.rate, *(_digest(folder / name) for name in FILES)]
    digest = hashlib.sha256(repr(content).encode()).hexdigest()
    return SpeechBackbone(request.name, digest, SpeechReader(folder, request.column.rate))


def load_reader(folder: Path) -> SpeechReader:
    """Return the reader that `save` has written into a folder."""
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    return SpeechReader(folder, settings["rate"])


def _resample(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    from scipy.signal import resample_poly

    common = gcd(rate, RATE)
    if rate == RATE or not len(samples):
        return samples
    resampled: NDArray[np.float32] = resample_poly(samples, RATE // common, rate // common)
    return resampled.astype(np.float32)


def _pad(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Add silence: LEAD in front, and what whole windows lack at both ends.

    The network expects a word late in its window. Of spoken digits of unseen speakers, learnt from
    50 rows, a linear model told .89 so, .77 without LEAD, .39 with all silence at the end.
    """
    least = LEAD + len(samples)
    n_steps = max(0, ceil((least - WINDOW_SAMPLES) / (STEP * HOP)))
    padded = np.zeros(WINDOW_SAMPLES + n_steps * STEP * HOP, dtype=np.float32)
    start = LEAD + (len(padded) - least) // 2
    padded[start : start + len(samples)] = samples
    return padded


@lru_cache
def _session(path: Path) -> Any:
    """Open a network, which works in one thread: the cores are for other candidates."""
    onnxruntime = extras.load("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime, which has no public class above its own
        message = f"{path} cannot be read: {first_line(error)}"
        raise WeightsError(message) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
