"""Secrets in text that leaves the process: passwords in URIs, tokens in queries and variables."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

MASK: Final = "***"
VARIABLES: Final = (
    "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_CONNECTION_STRING", "HF_TOKEN", "KAGGLE_KEY", "PGPASSWORD",
)  # fmt: skip
"""Environment variables whose value is a secret."""
URI_VARIABLES: Final = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
SHORTEST: Final = 8  # characters; a shorter value would be found in ordinary words
NAME: Final = re.compile(
    r"token|(.*[_\-.])?(password|passwd|passphrase|pwd|secret|credentials?|signature|sig"
    r"|odbc_connect|(api|access|secret|private|account)[_\-]?key"
    r"|(access|auth|api|bearer|refresh|session|security|hf|sas)[_\-]?token)",
    re.IGNORECASE,
)
SCHEME: Final = r"\b[A-Za-z][A-Za-z0-9+.\-]*://"
PORT: Final = r"""(?!\d+(?:[/?#\s"'<>]|$))"""  # what follows a host's colon, and has no secret
PASSWORD: Final = re.compile(rf"""({SCHEME}[^\s:/@?#"'<>]*:){PORT}[^\s"'<>]*@""")
LONE_USER: Final = re.compile(r"""(\bhttps?://)[^\s:/@?#"'<>]+@""")
QUERY: Final = re.compile(r"""([?&;]([\w.\-]+)=)[^\s&;"'<>#]+""")


def mask(text: str) -> str:
    """Replace the secrets in a text by three asterisks.

    >>> mask("https://me:hunter2@host/?token=abc&rows=5 is away")
    'https://me:***@host/?token=***&rows=5 is away'
    """
    for secret in _known():
        text = text.replace(secret, MASK)
    if "://" not in text and "=" not in text:
        return text
    text = PASSWORD.sub(rf"\g<1>{MASK}@", text)
    text = LONE_USER.sub(rf"\g<1>{MASK}@", text)
    return QUERY.sub(lambda found: f"{found[1]}{MASK}" if _is_secret(found[2]) else found[0], text)


def mask_setting(name: str, value: Any) -> Any:
    """Return a setting without its secrets: in URIs, and of keys that are called like one.

    >>> mask_setting("model", {"api_key": "abc", "units": 3})
    {'api_key': '***', 'units': 3}
    """
    if isinstance(value, Mapping):
        return {key: mask_setting(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [mask_setting(name, each) for each in value]
    if not isinstance(value, str):
        return value
    return MASK if value and _is_secret(name.rpartition(".")[2]) else mask_uri(value)


def mask_uri(value: str) -> str:
    """Mask a text that may be one URI: its password may have any characters."""
    whole = re.fullmatch(rf"({SCHEME}[^:/@?#]*:){PORT}.*(@.*)", value, re.DOTALL)
    return mask(f"{whole[1]}{MASK}{whole[2]}" if whole else value)


def _is_secret(name: str) -> bool:
    return NAME.fullmatch(name) is not None


def _known() -> Iterator[str]:
    """Yield the secrets of the environment."""
    values = [os.environ.get(name, "") for name in VARIABLES]
    for name in URI_VARIABLES:
        _, _, rest = os.environ.get(name, "").partition("://")
        password = rest.rpartition("@")[0].partition(":")[2]
        values += [password, unquote(password)]
    yield from (value for value in values if len(value) >= SHORTEST)
