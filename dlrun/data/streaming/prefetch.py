"""Prefetching: the next item is computed in a thread while the current one is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterable[Item], n_items: int = 1) -> Iterator[Item]:
    """Yield the same items in the same order, computed in a thread.

    Errors of the thread are raised here. When the iterator is closed, the thread ends with its
    current item.

    Args:
        items: computed one by one.
        n_items: the most that are computed in advance.
    """
    queue: Queue[tuple[Item | None, BaseException | None]] = Queue(n_items)
    is_over = Event()

    def produce() -> None:
        try:
            for item in items:
                queue.put((item, None))
                if is_over.is_set():
                    return
            queue.put((None, StopIteration()))
        except BaseException as error:
            queue.put((None, error))

    thread = Thread(target=produce, name="dlrun-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item, error = queue.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        is_over.set()
        while thread.is_alive():  # it may wait for room in the queue
            while not queue.empty():
                queue.get_nowait()
            thread.join(0.01)
