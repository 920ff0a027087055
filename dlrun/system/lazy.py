"""Modules that are imported when they are first used, so that importing dlrun stays fast."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class LazyModule:
    """A module that is imported on the first access to one of its attributes."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(import_module(self.__name__), attribute)
        setattr(self, attribute, value)  # the next access finds it without this method
        return value


def lazy(name: str) -> Any:
    """Return a module that is not in `sys.modules` before its first use."""
    return LazyModule(name)
