"""A job that is run again where its worker is lost, twice at most."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Any, Final

from dlrun.contract.candidate import Epoch
from dlrun.contract.job import Job, OnJobEpoch

MOST: Final = 3
KILLED: Final = (
    "{name}: its process was killed, most likely for lack of memory. "
    "Lower execution.workers, or take fewer rows: data.max_rows"
)
ENDED: Final = "{name}: its process ended with {how}, {n} times"


@dataclass
class Attempts:
    """A job and how far it was run.

    Attributes:
        endings: how each worker ended that was lost: minus a signal's number, or an exit code.
        n_passed: epochs that were passed on.
        n_received: epochs that the present worker has sent.
    """

    number: int
    job: Job[Any]
    endings: list[int] = field(default_factory=list)
    n_passed: int = 0
    n_received: int = 0

    @property
    def is_over(self) -> bool:
        """Return whether so many workers were lost that it is not tried again."""
        return len(self.endings) >= MOST

    def lose(self, code: int) -> None:
        """Record that its worker was lost."""
        self.endings.append(code)
        self.n_received = 0

    def pass_on(self, epoch: Epoch, on_epoch: OnJobEpoch) -> None:
        """Pass an epoch on, unless a worker that was lost has sent it before."""
        self.n_received += 1
        if self.n_received > self.n_passed:
            self.n_passed = self.n_received
            on_epoch(self.number, epoch)

    def failed(self) -> Any:
        """Return the result of the job that no worker could end."""
        name, code = self.job.candidate.name, self.endings[-1]
        if code == -signal.SIGKILL:
            return self.job.failed(KILLED.format(name=name))
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return self.job.failed(ENDED.format(name=name, how=how, n=len(self.endings)))
