"""Downloads a data set of Keras into an .npz: `python -m dlrun.deep.download_dataset NAME FILE`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backend import keras


def load(name: str) -> dict[str, NDArray[Any]]:
    """Return x_train, y_train, x_test and y_test; texts as the UTF-8 bytes of a line for each.

    Raises:
        Exception: Keras cannot download it; it has no error of its own for that.
    """
    module = getattr(keras.datasets, name)
    if not hasattr(module, "get_word_index"):
        (x_train, y_train), (x_test, y_test) = module.load_data()
    else:
        plain = {"start_char": None, "oov_char": None, "index_from": 0}
        (x_train, y_train), (x_test, y_test) = module.load_data(**plain)
        words = {place: word for word, place in module.get_word_index().items()}
        x_train, x_test = _to_lines(x_train, words), _to_lines(x_test, words)
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _to_lines(rows: Iterable[Iterable[int]], words: dict[int, str]) -> NDArray[np.uint8]:
    lines = (" ".join(words[place] for place in row if place in words) for row in rows)
    return np.frombuffer("\n".join(lines).encode(), dtype=np.uint8)


def main(name: str, path: Path) -> int:
    """Write the set; an error is the last line on stderr."""
    scratch = path.with_name(f"{path.stem}-{os.getpid()}.npz")
    try:
        with redirect_stdout(StringIO()):  # Keras reports every megabyte
            arrays = load(name)
        np.savez(scratch, **arrays)  # type: ignore[arg-type]  # NumPy's keywords are arrays
        scratch.replace(path)
    except Exception as error:  # of any kind, and the caller can only read
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    finally:
        scratch.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
