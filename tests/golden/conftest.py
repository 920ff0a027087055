"""Three golden studies are a part of every test run; all are replayed where they are asked for."""

from __future__ import annotations

import pytest

ALWAYS = ("groups", "stream", "mixed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out most of the studies, unless the command names their folder."""
    if any("golden" in argument for argument in config.args):
        return
    left_out = [item for item in items if "/golden/" in str(item.path) and not _is_always(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_always(item: pytest.Item) -> bool:
    return any(f"[{name}-" in item.name for name in ALWAYS)
