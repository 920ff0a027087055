"""The page's Content-Security-Policy: its own styles, and pictures and sounds that are in it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256


def content_policy(styles: Iterable[str], scripts: Iterable[str] = ()) -> str:
    """Return the policy for a `meta` element: nothing else runs, and nothing is fetched or sent.

    Names of columns and classes are other people's text. They are escaped; where that failed, a
    browser would still run no script of theirs.

    Args:
        styles: the texts of the page's `style` elements; `style` attributes are allowed.
        scripts: the texts of its `script` elements.
    """
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src-elem {_sources(styles)}",
            "style-src-attr 'unsafe-inline'",
            f"script-src {_sources(scripts)}",
            "img-src data:",
            "media-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _sources(texts: Iterable[str]) -> str:
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in texts]
    return " ".join(f"'sha256-{each}'" for each in hashes) or "'none'"
