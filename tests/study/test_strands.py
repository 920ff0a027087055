"""Strands on an engine: in order with one slot, side by side with several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dlrun.contract.job import Strand
from dlrun.study.strands import run_strands


class Slots:
    """An engine whose jobs are their own results; the one that was submitted last ends first."""

    def __init__(self, n_slots: int) -> None:
        self.n_slots = n_slots
        self.jobs: list[tuple[int, Any]] = []
        self.most = 0

    def submit(self, number: int, job: Any) -> None:
        self.jobs.append((number, job))
        self.most = max(self.most, len(self.jobs))
        assert len({each for each, _ in self.jobs}) == len(self.jobs) <= self.n_slots

    def wait(self, on_epoch: Any) -> tuple[int, Any]:
        number, job = self.jobs.pop()
        on_epoch(number, job)
        return number, job


def _strand(name: str, n_jobs: int, log: list[str]) -> Strand[str]:
    for step in range(n_jobs):
        result = yield f"{name}{step}"  # type: ignore[misc]
        assert result == f"{name}{step}"
    log.append(f"{name} ends")
    return name


def _strands(lengths: dict[str, int], log: list[str]) -> Iterator[Strand[str]]:
    for name, n_jobs in lengths.items():
        log.append(f"{name} starts")
        yield _strand(name, n_jobs, log)


def _run(n_slots: int, lengths: dict[str, int]) -> tuple[list[str], list[Any], Slots]:
    log, epochs, engine = [], [], Slots(n_slots)
    ended = run_strands(engine, _strands(lengths, log), lambda *epoch: epochs.append(epoch))
    for number, result in ended:
        assert [*lengths][number] == result
        log.append(f"{result} recorded")
    return log, epochs, engine


def test_with_one_slot_a_strand_starts_after_the_one_before_was_recorded() -> None:
    log, epochs, _ = _run(1, {"a": 2, "b": 0, "c": 1})
    assert log == [f"{name} {what}" for name in "abc" for what in ("starts", "ends", "recorded")]
    assert epochs == [(0, "a0"), (0, "a1"), (2, "c0")]


def test_with_two_slots_a_free_one_is_filled_before_a_result_is_recorded() -> None:
    log, _, engine = _run(2, {"a": 1, "b": 1, "c": 1})
    assert log == [
        "a starts", "b starts", "b ends", "c starts", "b recorded", "c ends", "c recorded",
        "a ends", "a recorded",
    ]  # fmt: skip
    assert engine.most == 2


@pytest.mark.parametrize("n_slots", [1, 2, 5])
def test_every_strand_ends_once(n_slots: int) -> None:
    lengths = dict(zip("abcdefgh", [0, 3, 1, 0, 0, 2, 4, 1], strict=True))
    log, epochs, engine = _run(n_slots, lengths)
    assert sorted(line for line in log if "recorded" in line) == [f"{n} recorded" for n in lengths]
    assert len(epochs) == sum(lengths.values())
    assert engine.most == min(n_slots, 5)
    assert engine.jobs == []


def test_no_strands_need_no_engine() -> None:
    assert list(run_strands(Slots(1), [], lambda *_: None)) == []


def test_a_strand_that_waits_for_another_takes_no_slot() -> None:
    known: dict[str, str] = {}

    def first() -> Strand[str]:
        known["a"] = yield "a0"  # type: ignore[misc]
        yield "a1"  # type: ignore[misc]
        return "a"

    def second() -> Strand[str]:
        while "a" not in known:
            yield None
        result = yield "b0"  # type: ignore[misc]
        assert result == "b0"
        return "b"

    def third() -> Strand[str]:
        yield "c0"  # type: ignore[misc]
        return "c"

    for n_slots in (1, 2, 3):
        known.clear()
        engine = Slots(n_slots)
        strands = iter((first(), second(), third()))
        ended = [result for _, result in run_strands(engine, strands, lambda *_: None)]
        assert sorted(ended) == ["a", "b", "c"]
        assert engine.most == min(n_slots, 2)
