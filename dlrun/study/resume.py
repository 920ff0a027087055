"""The journal of a study: its trials and checkpoints on disk, from which it is resumed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from dlrun.contract.candidate import Candidate, StartsFromWeights
from dlrun.contract.dataset import Split
from dlrun.contract.search import SearchTrial
from dlrun.contract.trial import RetrainingCondition, Trial
from dlrun.errors import UsageError
from dlrun.recipe.write import recipe_digest
from dlrun.study.records import Record, read_record
from dlrun.study.search.records import SearchRecords
from dlrun.system.cache import CACHE_VARIABLE, cache_folder, is_old
from dlrun.system.files import (
    DamagedFileError,
    check_folder,
    folder_digest,
    read_sealed,
    write_sealed,
)
from dlrun.system.version import __version__

if TYPE_CHECKING:
    from dlrun.recipe.schema import Recipe
    from dlrun.study.search.job import SearchJob

LOCK_SECONDS: Final = 2
STUDY: Final = "study.record"
Condition = RetrainingCondition | None
Settings = Mapping[str, object]
log = logging.getLogger(__name__)

CODE: Final = ("model.architecture", ".estimator")  # settings that may name a module of the user


@dataclass(frozen=True)
class Journal:
    """The journal of one study; every candidate has a folder in it.

    A trial is reused where all that determines it is the same: the candidate's part of the recipe,
    the preprocessing, the metrics and perturbations, the data, the rows of the split, the seed, and
    the major version of dlrun.

    Attributes:
        folder: of the study, in the user's cache.
        keys: candidate → its folder.
        searches: candidate → the digest of the search of its settings, where there is one, that
            its trials on the splits are the results of.
    """

    folder: Path
    keys: Mapping[str, str]
    searches: Mapping[str, str] = field(default_factory=dict)

    def model_folder(self, candidate: Candidate) -> Path:
        """Return the folder of a candidate's model, which is that of the last split."""
        return self._of(candidate.name) / "model"

    def checkpoint(
        self,
        candidate: Candidate,
        split: Split,
        condition: Condition = None,
        chosen: Settings | None = None,
    ) -> Path:
        """Return the folder of a training's checkpoint."""
        return self._path(candidate.name, split, condition, chosen or {}).with_suffix(".checkpoint")

    def search_records(self, candidate: Candidate, split: Split) -> SearchRecords:
        """Return the records of all settings that were tried on a split."""
        return SearchRecords(self._of(candidate.name) / f"{_key(split)}.search")

    def keep_searched(self, records: SearchRecords, job: SearchJob, trial: SearchTrial) -> None:
        """Write a trial of a search; a full disk costs the record."""
        with warned_of_a_full_disk(self.folder):
            records.keep(job, trial)

    def keep(
        self,
        trial: Trial,
        condition: Condition = None,
        model: Path | None = None,
        chosen: Settings | None = None,
    ) -> None:
        """Write a trial that has ended, without predictions where it was under a condition.

        One that failed is not written, and so tried again the next time. A full disk costs the
        record, not the trial.

        Args:
            trial: what has ended.
            condition: under which it was run.
            model: the folder in which its model was to be saved.
            chosen: as in `recall`.
        """
        if trial.error is not None:
            return
        kept = replace(trial, predictions=None, validation_predictions=None) if condition else trial
        path = self._path(trial.candidate, trial.split, condition, chosen)
        with warned_of_a_full_disk(self.folder):
            Record(kept, folder_digest(model) if model else None).write(path)
            shutil.rmtree(path.with_suffix(".checkpoint"), ignore_errors=True)

    def recall(
        self,
        candidate: Candidate,
        split: Split,
        condition: Condition = None,
        model: Path | None = None,
        chosen: Settings | None = None,
    ) -> Trial | None:
        """Return a trial that was kept, with its model where one is asked for.

        One whose record or model is damaged is named, and not returned.

        Args:
            candidate: with its own settings.
            split: the condition's, where there is one.
            condition: under which it was run.
            model: the folder in which its model was saved.
            chosen: what a search has set in the candidate, {} for nothing. None: it is the result
                of the candidate's search, where there is one, and else of its own settings.
        """
        path = self._path(candidate.name, split, condition, chosen)
        try:
            record = read_record(path, split)
            if record is None or (model and (record.model is None or not model.exists())):
                return None
            if model:
                check_folder(model, record.model)
        except DamagedFileError as damage:
            log.warning("%s. This trial of %s is trained anew.", damage, candidate.name)
            return None
        return record.trial

    def n_kept(self, candidates: Iterable[Candidate], splits: Sequence[Split]) -> int:
        """Count the trials that can be recalled."""
        return sum(self.has(each, split) for each in candidates for split in splits)

    def has(self, candidate: Candidate, split: Split, condition: Condition = None) -> bool:
        """Return whether a trial was kept; under a condition, with its own settings."""
        try:
            path = self._path(candidate.name, split, condition, None)
            return read_record(path, split) is not None
        except DamagedFileError:
            return False

    @property
    def run_id(self) -> str | None:
        """Return the id of the study's run in its store, if it has begun."""
        run_id: str | None = _notes(self.folder).get("run_id")
        return run_id

    def begin(self, run_id: str) -> None:
        """Write the id of the study's run in its store."""
        with warned_of_a_full_disk(self.folder):
            _write_notes(self.folder, run_id=run_id)

    def keep_cut(self, cut: Mapping[str, object]) -> None:
        """Write how the study was made smaller to keep its budget."""
        with warned_of_a_full_disk(self.folder):
            _write_notes(self.folder, cut=cut)

    def clear(self) -> None:
        """Remove the journal: the study has ended well."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _of(self, candidate: str) -> Path:
        return self.folder / self.keys[candidate]

    def _path(
        self, candidate: str, split: Split, condition: Condition, chosen: Settings | None
    ) -> Path:
        """Return the record of a trial, beside that with the candidate's own settings."""
        key = _key(split, condition)
        if chosen:
            key += f"-{_hash(dict(chosen))}"
        elif chosen is None and condition is None and candidate in self.searches:
            key += f"-{self.searches[candidate]}"
        return self._of(candidate) / f"{key}.record"


@contextmanager
def warned_of_a_full_disk(folder: Path) -> Iterator[None]:
    """Go on without a record that cannot be written."""
    try:
        yield
    except OSError as error:
        log.warning(
            "%s: the journal cannot be written: %s. The study goes on; were it stopped, this trial "
            "would be trained anew. Free some space, or choose another folder: %s",
            folder,
            error.strerror,
            CACHE_VARIABLE,
        )


@contextmanager
def open_journal(
    recipe: Recipe,
    candidates: Sequence[Candidate],
    data_digest: str,
    store: str,
    *,
    metrics: Sequence[str],
    fresh: bool,
    searches: Mapping[str, str] | None = None,
) -> Iterator[Journal]:
    """Open and lock the journal of a study.

    Where another study of the same data in the same store was stopped, with another recipe, its
    trials of the same candidates are moved here.

    Args:
        recipe: of the study, as it was asked for: with its budget.
        candidates: all of them.
        data_digest: fingerprint of the rows.
        store: where the study is tracked.
        metrics: on which trials are scored.
        fresh: remove what was trained before.
        searches: as in `Journal`.

    Raises:
        UsageError: another process trains this study, or the journal cannot be written.
    """
    identity = [data_digest, store, recipe.seed, __version__.partition(".")[0]]
    siblings = cache_folder("studies") / _hash(identity)
    keys = _keys(recipe, candidates, metrics)
    journal = Journal(siblings / recipe_digest(recipe)[:16], keys, searches or {})
    with _locked(recipe, journal.folder):
        _remove_old(siblings.parent)
        if fresh:
            journal.clear()
        else:
            _take_over(journal, siblings)
        try:
            _write_notes(journal.folder, pid=os.getpid())
        except OSError as error:
            raise _unusable(journal.folder, error) from error
        yield journal


def journal_folder(recipe: Recipe, data_digest: str, store: str) -> Path:
    """Return the folder of the journal of a study; see `open_journal`."""
    identity = [data_digest, store, recipe.seed, __version__.partition(".")[0]]
    return cache_folder("studies") / _hash(identity) / recipe_digest(recipe)[:16]


def recall_cut(folder: Path) -> Mapping[str, Any] | None:
    """Return how the study of a journal was made smaller to keep its budget, if it was."""
    return _notes(folder).get("cut")


@contextmanager
def _locked(recipe: Recipe, folder: Path) -> Iterator[None]:
    lock = FileLock(f"{folder}.lock", timeout=LOCK_SECONDS)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        message = (
            f"{recipe.file.name}: process {_notes(folder).get('pid')} is training this study. Wait "
            "for it, or train another one: with another seed, or another tracking.experiment"
        )
        raise UsageError(message) from None
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        yield
    finally:
        if not folder.exists():  # it was cleared
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):  # it has journals of other studies of this data
            folder.parent.rmdir()


def _unusable(folder: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{folder}: the journal of this study cannot be written: {error.strerror}. "
        f"Free some space, or choose another folder: {CACHE_VARIABLE}"
    )


def _remove_old(root: Path) -> None:
    for notes in root.glob("*/*/study.*"):  # that of an earlier version was study.json
        if is_old(notes):
            shutil.rmtree(notes.parent, ignore_errors=True)


def _take_over(journal: Journal, siblings: Path) -> None:
    wanted = [key for key in journal.keys.values() if not (journal.folder / key).exists()]
    for notes in siblings.glob(f"*/{STUDY}"):
        other = notes.parent
        present = [key for key in wanted if other != journal.folder and (other / key).exists()]
        if not present:
            continue
        try:
            with FileLock(f"{other}.lock", timeout=0):
                journal.folder.mkdir(exist_ok=True)
                for key in present:
                    (other / key).rename(journal.folder / key)
        except (Timeout, OSError):  # it is being trained, or has just ended
            continue


def _keys(
    recipe: Recipe, candidates: Sequence[Candidate], metrics: Sequence[str]
) -> dict[str, str]:
    """Return candidate → the digest of all that determines its trials, beside the rows."""
    shared = [
        recipe.preprocessing.model_dump(mode="json"),
        recipe.evaluation.model_dump(mode="json", include={"importance", "stress"}),
        *metrics,
    ]
    return {
        each.name: _hash(
            [
                each.name,
                each.family,
                each.features,
                dict(each.settings),
                _code(recipe, each),
                each.weights_digest if isinstance(each, StartsFromWeights) else None,
                shared,
            ]
        )
        for each in candidates
    }


def _code(recipe: Recipe, candidate: Candidate) -> str:
    """Return the digest of the user's module that defines a candidate, if there is one."""
    named = [str(value) for key, value in candidate.settings.items() if key.endswith(CODE)]
    modules = [re.split(r":|\.(?=\w+$)", name)[0] for name in named]
    files = [recipe.folder / f"{module.replace('.', '/')}.py" for module in modules]
    return _hash([file.read_text(encoding="utf-8") for file in files if file.is_file()])


def _key(split: Split, condition: Condition = None) -> str:
    """Return the digest of a trial's rows, its seed and its condition."""
    parts = [array.tobytes() for array in (split.train, split.validation, split.test)]
    key = hashlib.sha256(b"|".join([str(split.seed).encode(), *parts])).hexdigest()[:16]
    return _hash([condition.aspect, condition.level, key]) if condition else key


def _hash(values: object) -> str:
    return hashlib.sha256(json.dumps(values, default=str).encode()).hexdigest()[:16]


def _notes(folder: Path) -> dict[str, Any]:
    try:
        notes: dict[str, Any] = json.loads(read_sealed(folder / STUDY))
    except OSError:
        return {}
    except DamagedFileError as damage:
        log.warning("%s. The trials of this study are kept.", damage)
        return {}
    return notes


def _write_notes(folder: Path, **changed: object) -> None:
    text = json.dumps({**_notes(folder), **changed})
    write_sealed(folder / STUDY, lambda file: file.write(text.encode()))
