"""The n-th write, sync, move or MLflow call of a process fails; the others do not."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from errno import ENOSPC
from functools import wraps
from typing import Any

CREATES = os.O_CREAT
WRITING = frozenset("wax+")


@dataclass
class Faults:
    """Counts the calls that may fail.

    Attributes:
        fails_at: the number of the call that fails, from 1; 0: none.
        calls: their names so far.
    """

    fails_at: int
    calls: list[str] = field(default_factory=list)
    is_inside: bool = False

    def install(self) -> None:
        """Replace all calls by ones that count, for the rest of this process."""
        from mlflow import MlflowClient

        for name in ("fsync", "replace", "rename", "mkdir"):
            setattr(os, name, self._counted(name, getattr(os, name)))
        os.open = self._counted("create", os.open, lambda _, flags=0, *__, **___: flags & CREATES)
        opened = self._counted("open", io.open, lambda _, mode="r", *__, **___: set(mode) & WRITING)
        io.open = builtins.open = opened
        for name, method in vars(MlflowClient).items():
            if not name.startswith("_") and callable(method):
                setattr(MlflowClient, name, self._outermost(name, method))

    def report(self, file: str) -> None:
        """Write the calls so far, one in each line."""
        calls, self.calls = self.calls, []
        self.fails_at = 0
        with open(file, "w") as opened:
            opened.write("\n".join(calls))

    def _count(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.fails_at:
            raise OSError(ENOSPC, os.strerror(ENOSPC))

    def _counted(
        self,
        name: str,
        call: Callable[..., Any],
        counts: Callable[..., object] = lambda *_, **__: 1,
    ) -> Any:
        @wraps(call)
        def counted(*args: Any, **kwargs: Any) -> Any:
            if counts(*args, **kwargs):
                self._count(name)
            return call(*args, **kwargs)

        return counted

    def _outermost(self, name: str, method: Callable[..., Any]) -> Any:
        """Count a call of MLflow, not those that it makes of its own methods."""

        @wraps(method)
        def counted(*args: Any, **kwargs: Any) -> Any:
            if self.is_inside:
                return method(*args, **kwargs)
            self.is_inside = True
            try:
                self._fail_as_mlflow(name)
                return method(*args, **kwargs)
            finally:
                self.is_inside = False

        return counted

    def _fail_as_mlflow(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._count(name)
        except OSError as error:
            message = "(sqlite3.OperationalError) database or disk is full"
            raise MlflowException(message) from error
