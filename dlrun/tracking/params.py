"""Settings as the params of a run or a model."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from posixpath import normpath
from typing import Final

from dlrun.system.secrets import mask, mask_setting

LONGEST_PARAM: Final = 250
PARAM_KEY: Final = re.compile(r"\w[/\w.\- :]{,249}")


def short_params(settings: Mapping[str, object]) -> dict[str, str]:
    """Return the settings that are short enough for MLflow's tables, as text without secrets."""
    known = {key: mask_setting(key, value) for key, value in settings.items() if _is_key(key)}
    texts = {key: mask(_text(value)) for key, value in known.items()}
    return {key: text for key, text in texts.items() if len(text) <= LONGEST_PARAM}


def _is_key(key: str) -> bool:
    """Return whether MLflow accepts the key, which may contain a column's name."""
    return bool(PARAM_KEY.fullmatch(key)) and normpath(key) == key


def _text(value: object) -> str:
    """Return a setting as text, as a recipe writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
