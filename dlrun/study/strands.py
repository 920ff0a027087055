"""Strands side by side on one engine: they start in order, and each has one job at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from dlrun.contract.job import OnJobEpoch, Strand
from dlrun.study.engines.engine import Engine

Result = TypeVar("Result")


def run_strands(
    engine: Engine, strands: Iterable[Strand[Result]], on_epoch: OnJobEpoch
) -> Iterator[tuple[int, Result]]:
    """Run strands, and yield the number and result of each as it ends; the first is number 0.

    A strand is taken from the iterable when it can start. With one slot, that is after the result
    of the one before was taken: strictly in order. With several, the slot of one that has ended is
    filled before its result is yielded, so that no worker waits for what the caller does with it.

    Args:
        engine: runs the jobs.
        strands: in the order in which they start.
        on_epoch: called with the number of a strand and the epochs of its jobs.
    """
    waiting = enumerate(strands)
    running: dict[int, Strand[Result]] = {}
    paused: dict[int, Strand[Result]] = {}
    ended: list[tuple[int, Result]] = []

    def advance(number: int, strand: Strand[Result], result: Any) -> None:
        try:
            job = strand.send(result)
        except StopIteration as end:
            ended.append((number, end.value))
        else:
            (paused if job is None else running)[number] = strand
            if job is not None:
                engine.submit(number, job)

    def resume() -> None:
        for number in list(paused):
            if len(running) < engine.n_slots:
                advance(number, paused.pop(number), None)

    def fill() -> None:
        while len(running) < engine.n_slots and not (ended and engine.n_slots == 1):
            first = next(waiting, None)
            if first is None:
                return
            advance(*first, None)

    while True:
        resume()
        fill()
        if not running and not ended:
            return
        yield from ended
        ended.clear()
        if running:
            number, result = engine.wait(on_epoch)
            advance(number, running.pop(number), result)
