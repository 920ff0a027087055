"""The records of the golden studies: kept as JSON, with the machine that they were made on."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).with_name("records")
CPU = Path("/proc/cpuinfo")
LIBRARIES = (
    "numpy", "scipy", "pandas", "scikit-learn", "tensorflow", "keras", "xgboost", "lightgbm",
    "aeon", "librosa", "scikit-image", "mlflow",
)  # fmt: skip
# On another machine or with other libraries, sums are added in another order. That moves the
# scores of two epochs by far less than 0.02, but may carry a row over a threshold, so that one row
# of the scored part is allowed beside it. A network that is not trained, or features of the wrong
# column, move a score by several times as much.
TOLERANCE = 0.02
# What may differ there in any way: bits, and what hangs on a threshold or on the order of
# candidates whose scores are close.
BITS = ("predictions", "epochs", "best_epoch", "comparison")


def made_with() -> dict[str, str]:
    """Return what the bits of a result depend on: versions, the processor and its threads."""
    return {
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
        "processor": _processor(),
        "threads": os.environ["OMP_NUM_THREADS"],  # pinned in tests/conftest.py
    }


def _processor() -> str:
    """Name the processor, with a hash of what it can do: libraries choose their code by that."""
    if not CPU.exists():
        return f"{platform.system()} {platform.machine()} {platform.processor()}"
    lines = (line.partition(":") for line in CPU.read_text(encoding="utf-8").splitlines())
    facts = {name.strip(): value.strip() for name, _, value in lines}
    flags = facts.get("flags") or facts.get("Features") or ""
    able = hashlib.sha256(" ".join(sorted(flags.split())).encode()).hexdigest()[:12]
    return f"{facts.get('model name', platform.machine())}, flags {able}"


# ------------------------------------------------------------------------------------- on disk


def load(name: str) -> dict[str, Any] | None:
    """Return the record of a study; None where there is none."""
    file = RECORDS / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def save(name: str, found: dict[str, Any]) -> None:
    """Put the results of a study on record."""
    RECORDS.mkdir(exist_ok=True)
    text = json.dumps({"made_with": made_with(), **found}, indent=1, ensure_ascii=False)
    (RECORDS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def is_exact(record: dict[str, Any]) -> bool:
    """Say whether every bit of a record must come out here."""
    return bool(record["made_with"] == made_with())


def mode_of(name: str) -> str:
    """Say how results are held against a study's record here."""
    record = load(name)
    if record is None:
        return "unrecorded"
    return "bit_for_bit" if is_exact(record) else "within_tolerance"


# -------------------------------------------------------------------------------- in comparison


def differences(record: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """Tell where results differ from a record, one line each."""
    recorded = {key: value for key, value in record.items() if key != "made_with"}
    found = json.loads(json.dumps(found))  # as the record was written
    _, n_validation, n_test = record["study"]["data"]["sizes"][0]
    comparer = _Comparer(is_exact(record), n_validation, n_test)
    yield from comparer.compare(recorded, found)


@dataclass(frozen=True)
class _Comparer:
    """Walks through a record and results side by side.

    Attributes:
        exact: whether every bit counts; otherwise scores may differ by a tolerance.
        n_validation: rows that validation scores are of.
        n_scored: rows that all other scores are of.
        place: where it is.
    """

    exact: bool
    n_validation: int
    n_scored: int
    place: str = ""

    def compare(self, recorded: Any, found: Any) -> Iterator[str]:
        """Tell where the two differ."""
        if isinstance(recorded, dict) and isinstance(found, dict):
            for key in dict.fromkeys((*recorded, *found)):
                if self.exact or key not in BITS:
                    pair = (each.get(key, "(nothing)") for each in (recorded, found))
                    yield from self._below(key).compare(*pair)
        elif isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
            for number, pair in enumerate(zip(recorded, found, strict=True)):
                yield from self._below(str(number)).compare(*pair)
        elif not self._agree(recorded, found):
            yield f"{self.place}: on record {_shown(recorded)}, now {_shown(found)}"

    def _below(self, key: str) -> _Comparer:
        n_scored = self.n_validation if key == "validation" else self.n_scored
        return replace(self, place=f"{self.place}/{key}", n_scored=n_scored)

    def _agree(self, recorded: Any, found: Any) -> bool:
        if self.exact or not isinstance(recorded, float) or not isinstance(found, float):
            return bool(recorded == found)
        return abs(recorded - found) <= TOLERANCE + 1 / self.n_scored


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
