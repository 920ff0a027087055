from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tf

ROWS = [np.array([[3, 1], [2]], dtype=object), np.array([1, 0])]


@pytest.fixture
def imdb(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give Keras two reviews, of numbers that stand for words."""
    from dlrun.deep.backend import keras

    def load_data(*, start_char: None, oov_char: None, index_from: int) -> Any:
        assert (start_char, oov_char, index_from) == (None, None, 0)
        return tuple(ROWS), tuple(ROWS)

    module = keras.datasets.imdb
    monkeypatch.setattr(module, "load_data", load_data)
    monkeypatch.setattr(module, "get_word_index", lambda: {"fine": 1, "grün": 2, "a": 3})
    return module


def test_numbers_become_words(imdb: Any, tmp_path: Path) -> None:
    from dlrun.deep.download_dataset import main

    assert main("imdb", tmp_path / "imdb.npz") == 0
    with np.load(tmp_path / "imdb.npz", allow_pickle=False) as arrays:
        assert arrays["x_test"].tobytes().decode() == "a fine\ngrün"
        assert arrays["y_train"].tolist() == [1, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["imdb.npz"]


def test_a_failure_is_one_line_and_leaves_no_file(
    imdb: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dlrun.deep.download_dataset import main

    def fail(**_: Any) -> None:
        message = "two\nlines"
        raise OSError(message)

    monkeypatch.setattr(imdb, "load_data", fail)
    assert main("imdb", tmp_path / "imdb.npz") == 1
    assert capsys.readouterr().err == "two lines\n"
    assert list(tmp_path.iterdir()) == []
