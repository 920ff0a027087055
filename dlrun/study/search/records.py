"""The records of a search on disk, from which it goes on where it was stopped."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dlrun.contract.search import SearchTrial
from dlrun.study.search.job import SearchJob
from dlrun.system.files import DamagedFileError, read_sealed, write_sealed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchRecords:
    """What was tried of one candidate on one split: a sealed file for each trial.

    A trial is found again by its settings and what they are scored on, whatever its number.
    """

    folder: Path

    def checkpoint(self, settings: Mapping[str, object]) -> Path:
        """Return the folder of the checkpoint of a training with these settings."""
        return self.folder / f"{_digest(settings)}.checkpoint"

    def recall(self, job: SearchJob) -> SearchTrial | None:
        """Return the trial of a job that has ended; one whose record is damaged is named."""
        try:
            found = json.loads(read_sealed(self._path(job)))
            return replace(SearchTrial(**found), number=job.number, settings=job.settings)
        except (OSError, TypeError):  # there is none, or it is a version's with other fields
            return None
        except DamagedFileError as damage:
            log.warning("%s. These settings of %s are tried anew.", damage, job.candidate.name)
            return None

    def keep(self, job: SearchJob, trial: SearchTrial) -> None:
        """Write a trial that has ended, also one that failed: the sampler was told so.

        Raises:
            OSError: it cannot be written.
        """
        text = json.dumps(asdict(trial))
        write_sealed(self._path(job), lambda file: file.write(text.encode()))
        if job.checkpoint:
            shutil.rmtree(job.checkpoint, ignore_errors=True)

    def _path(self, job: SearchJob) -> Path:
        tried = _digest([job.settings, job.metric, repr(job.inner), job.seconds])
        return self.folder / f"{tried}.record"


def _digest(values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
