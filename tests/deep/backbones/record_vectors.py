"""Records what other libraries make of the tiny models: run by hand, `python … hugging_face|keras`.

hugging_face needs transformers and torch, keras needs keras-hub and tensorflow-text.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

import tiny_backbones as tiny

PATH = Path(__file__).with_name("vectors.json")
TEXTS = (
    "the film is good",
    "",
    "Very dull and bad, not great",
    "a",
    "日本 great",
    "the film is good and not bad " * 8,
)


def main() -> None:
    """Add the vectors of one library to those that are recorded."""
    recorded = json.loads(PATH.read_text()) if PATH.exists() else {"texts": TEXTS}
    with TemporaryDirectory() as folder:
        record = {"hugging_face": _hugging_face, "keras": _keras}[sys.argv[1]]
        recorded |= record(Path(folder))
    PATH.write_text(json.dumps(recorded, indent=0) + "\n")


def _vector(states: Any, *, is_last: bool) -> list[float]:
    vector = np.asarray(states)[-1] if is_last else np.asarray(states).mean(axis=0)
    return [round(float(number), 5) for number in vector]


def _hugging_face(folder: Path) -> dict[str, Any]:
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    vectors: dict[str, Any] = {}
    for name, write in tiny.WRITERS.items():
        path = write(folder / name)
        model = AutoModel.from_pretrained(path).eval()
        tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        tokenizer.enable_truncation(tiny.MAX_LENGTH)
        vectors[name] = []
        for text in TEXTS:
            ids = tokenizer.encode(text).ids
            with torch.no_grad():
                states = model(torch.tensor([ids])).last_hidden_state[0] if ids else [[0] * 8]
            vectors[name].append(_vector(states, is_last=name == "gpt2"))
    return vectors


def _keras(folder: Path) -> dict[str, Any]:
    from keras_hub import models

    vectors: dict[str, Any] = {}
    for name in tiny.PRESETS:
        path = tiny.write_preset(folder / name, name)
        model = models.Backbone.from_preset(str(path))
        tokenizer = getattr(models, name.replace("Backbone", "Tokenizer"))
        tokenize = tokenizer(**_assets(path))
        vectors[name] = []
        for text in TEXTS:
            ids = [int(token) for token in tokenize(text)]
            if name != "GPT2Backbone":
                ends = (0, 2) if name == "RobertaBackbone" else (2, 3)
                ids = [ends[0], *ids[: tiny.MAX_LENGTH - 2], ends[1]]
            states = _keras_states(model, ids[: tiny.MAX_LENGTH]) if ids else [[0] * 8]
            vectors[name].append(_vector(states, is_last=name == "GPT2Backbone"))
    return vectors


def _assets(path: Path) -> dict[str, Any]:
    assets = path / "assets" / "tokenizer"
    if (assets / "vocabulary.txt").exists():
        return {"vocabulary": str(assets / "vocabulary.txt"), "lowercase": True}
    names = {"vocabulary": "vocabulary.json", "merges": "merges.txt"}
    return {key: str(assets / name) for key, name in names.items()}


def _keras_states(model: Any, ids: list[int]) -> Any:
    rows = np.array([ids])
    entering = {"token_ids": rows, "padding_mask": rows * 0 + 1, "segment_ids": rows * 0}
    states = model({key: value for key, value in entering.items() if key in model.input})
    return (states["sequence_output"] if isinstance(states, dict) else states)[0]


if __name__ == "__main__":
    main()
