"""How a sentence encoder makes one vector of a text, as sentence-transformers writes it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dlrun.deep.backbones.encoders.shape import Pooling
from dlrun.errors import WeightsError

POOLINGS: Final[dict[str, Pooling]] = {"cls": "first", "mean": "mean", "lasttoken": "last"}
PREFIX: Final = "pooling_mode_"
EARLY: Final = {"cls_token": "cls", "mean_tokens": "mean", "max_tokens": "max"}
"""How sentence-transformers before its version 6 calls them, each a key that is true."""


@dataclass(frozen=True)
class SentenceSettings:
    """What the files beside the weights say; None where they say nothing."""

    pooling: Pooling | None = None
    is_normalized: bool = False
    length: int | None = None


def read_settings(folder: Path) -> SentenceSettings:
    """Read modules.json, the pooling's settings and the length of texts.

    Raises:
        WeightsError: a text's vector is made by what is not supported.
    """
    modules = _read(folder / "modules.json", [])
    names = [module["type"].rsplit(".", 1)[-1] for module in modules]
    unknown = [name for name in names if name not in ("Transformer", "Pooling", "Normalize")]
    if unknown:
        message = (
            f"{folder / 'modules.json'}: {', '.join(unknown)} is not supported, only Transformer, "
            "Pooling and Normalize"
        )
        raise WeightsError(message)
    paths = [module["path"] for module in modules if module["type"].endswith(".Pooling")]
    pooling = _pooling(folder / paths[0] / "config.json") if paths else None
    length = _read(folder / "sentence_bert_config.json", {}).get("max_seq_length")
    return SentenceSettings(pooling, "Normalize" in names, length)


def _read(path: Path, default: Any) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else default


def _pooling(path: Path) -> Pooling:
    config = _read(path, {})
    early = [key for key, value in config.items() if key.startswith(PREFIX) and value]
    keys = [key.removeprefix(PREFIX) for key in early]
    modes = config.get("pooling_mode") or [EARLY.get(key, key) for key in keys]
    chosen = [modes] if isinstance(modes, str) else modes
    if len(chosen) != 1 or chosen[0] not in POOLINGS:
        message = (
            f"{path}: pooling by {' and '.join(chosen) or '?'} is none of {', '.join(POOLINGS)}"
        )
        raise WeightsError(message)
    return POOLINGS[chosen[0]]
