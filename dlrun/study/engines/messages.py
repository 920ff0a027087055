"""What a worker process sends to its driver, beside epochs and log records."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from traceback import format_exception
from typing import Any


@dataclass(frozen=True)
class JobResult:
    """The result of a job that has ended."""

    value: Any


@dataclass(frozen=True)
class JobError:
    """An error that is no result, such as a bug, with its traceback."""

    error: BaseException
    trace: str

    @classmethod
    def of(cls, error: BaseException) -> JobError:
        """Describe an error; one that cannot be pickled becomes a RuntimeError."""
        trace = "".join(format_exception(error))
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # whatever the error's own class does
            error = RuntimeError(f"{type(error).__name__}: {error}")
        return cls(error, trace)

    def reraise(self) -> None:
        """Raise the error, with a note of where it was raised first."""
        self.error.add_note(f"In a worker process:\n{self.trace}")
        raise self.error
