"""A job: work that can run apart, in this process, another one or on another machine."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol, TypeVar

from dlrun.contract.candidate import Candidate, Epoch, OnEpoch
from dlrun.contract.dataset import Dataset

Result_co = TypeVar("Result_co", covariant=True)

OnJobEpoch = Callable[[int, Epoch], None]
"""Called with the number of a job and an epoch of it, as the epoch ends."""


class Job(Protocol[Result_co]):
    """Work on the rows of a study for one candidate. Picklable, as is its result."""

    @property
    def candidate(self) -> Candidate:
        """Return the candidate, whose family says what the work needs."""

    def run(self, dataset: Dataset, on_epoch: OnEpoch, threads: int | None) -> Result_co:
        """Do the work; an error of the candidate is part of the result.

        Args:
            dataset: all rows of the study.
            on_epoch: as in `FitContext`.
            threads: for the numeric libraries; None: all cores.
        """

    def failed(self, reason: str) -> Result_co:
        """Return the result of work that could not be done, as where its process was killed."""


Strand = Generator[Job[Any] | None, Any, Result_co]
"""Work whose jobs follow from each other: it yields a job and is sent the job's result, until
it returns its own. Strands of a study run side by side, each with one job at a time, so that what
they compute does not depend on the number of workers. None in place of a job: it waits for what
another strand, which started before it, has not computed yet."""
