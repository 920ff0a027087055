"""The one import of TensorFlow and Keras, without their output on stderr."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile
from typing import IO, Any

from dlrun.deep.distributed.worker import this_worker
from dlrun.errors import ClusterError, TrainingError


@contextmanager
def _capture_stderr() -> Iterator[IO[bytes]]:
    """Send file descriptor 2 to a buffer: TensorFlow writes there before its loggers start."""
    sys.stderr.flush()
    screen = os.dup(2)
    with TemporaryFile() as output:
        os.dup2(output.fileno(), 2)
        try:
            yield output
        finally:
            os.dup2(screen, 2)
            os.close(screen)


def _import() -> tuple[Any, Any, Any]:
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _capture_stderr() as output:
        try:
            import keras
            import tensorflow as tf

            joint = _start_devices(tf)
        except ClusterError:
            raise
        except Exception as error:
            output.seek(0)
            text = output.read().decode(errors="replace").strip()
            message = f"TensorFlow cannot be used: {type(error).__name__}: {error}\n{text}"
            raise TrainingError(message.rstrip()) from error
    tf.get_logger().setLevel("ERROR")
    # Their 400,000 objects stay for good: to collect garbage among them again and again takes a
    # third of the time of a small training.
    gc.freeze()
    return tf, keras, joint


def _start_devices(tf: Any) -> Any:
    """Let GPU memory grow on demand, and run a first operation, which writes to stderr too.

    Returns:
        The strategy over all workers, which must be made before; None in a process that works
        alone.
    """
    with suppress(RuntimeError):  # the devices run already: the host program configured them
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)
    worker = this_worker()
    joint = worker.start(tf) if worker else None
    tf.zeros(())
    return joint


tf, keras, joint = _import()
