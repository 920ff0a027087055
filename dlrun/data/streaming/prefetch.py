"""Work done ahead: the next item is made in a thread while the current one is in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from queue import Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterable[Item], n_items: int = 1) -> Iterator[Item]:
    """Give the same items in the same order, made in a thread of their own.

    What the making raises is raised here. When no more is asked for, the thread ends with the item
    that it is at.

    Args:
        items: made one by one.
        n_items: that may wait to be asked for.
    """
    made: Queue[tuple[Item | None, BaseException | None]] = Queue(n_items)
    is_over = Event()

    def make() -> None:
        try:
            for item in items:
                made.put((item, None))
                if is_over.is_set():
                    return
            made.put((None, StopIteration()))
        except BaseException as error:
            made.put((None, error))

    thread = Thread(target=make, name="dlrun-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        is_over.set()
        while thread.is_alive():  # it may wait for room in the queue
            while not made.empty():
                made.get_nowait()
            thread.join(0.01)
