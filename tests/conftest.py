"""What every test stands on: pinned threads, default signals, TensorFlow where it is marked."""

import os
import signal
import sys
from collections.abc import Generator
from tempfile import mkdtemp

import pytest
from hypothesis import settings

from dlrun.system.cost import pin_threads

pin_threads()

os.environ["DLRUN_CACHE_DIR"] = mkdtemp(prefix="dlrun-tests-")  # not the user's own

# A job in the background, as of nohup or of a CI server, starts with these ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A loaded machine is no reason for a property to fail.
settings.register_profile("dlrun", deadline=None)
settings.load_profile("dlrun")


def pytest_collection_finish() -> None:
    """Fail where collecting the tests imports TensorFlow, which takes seconds."""
    if "tensorflow" in sys.modules:
        message = "collecting the tests imported TensorFlow: import it inside the tests"
        raise pytest.UsageError(message)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test whose fixtures import TensorFlow without the mark `tf`."""
    return (yield from _without_tensorflow(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that imports TensorFlow without the mark `tf`."""
    return (yield from _without_tensorflow(item))


def _without_tensorflow(item: pytest.Item) -> Generator[None, object, object]:
    was_imported = "tensorflow" in sys.modules
    result = yield
    is_imported = "tensorflow" in sys.modules and not was_imported
    if is_imported and item.get_closest_marker("tf") is None:
        pytest.fail("the test imports TensorFlow: mark it with pytest.mark.tf", pytrace=False)
    return result
