"""Prefetching: the next item is computed in a thread while the current one is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextvars import copy_context
from queue import SimpleQueue
from threading import Event, Semaphore, Thread
from typing import TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterable[Item], n_items: int = 1) -> Iterator[Item]:
    """Yield the same items in the same order, computed in a thread.

    Errors of the thread are raised here. When the iterator is closed, the thread ends with its
    current item.

    Args:
        items: computed one by one.
        n_items: the most that are in memory beside the one that is used.
    """
    queue: SimpleQueue[tuple[Item | None, BaseException | None]] = SimpleQueue()
    room, is_over = Semaphore(n_items), Event()

    def produce() -> None:
        iterator = iter(items)
        try:
            while room.acquire() and not is_over.is_set():
                queue.put((next(iterator), None))
        except BaseException as error:
            queue.put((None, error))

    run = copy_context().run  # what the thread is charged counts in the measurement here
    thread = Thread(target=run, args=(produce,), name="dlrun-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            room.release()
            yield item  # type: ignore[misc]
    finally:
        is_over.set()
        room.release()
        thread.join()
