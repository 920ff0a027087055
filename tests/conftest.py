"""What every test stands on: pinned threads, default signals, TensorFlow where it is marked."""

import os
import shutil
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import settings
from killing import Nursery, nursery

from dlrun.system.cost import pin_threads

pin_threads()

os.environ["DLRUN_CACHE_DIR"] = mkdtemp(prefix="dlrun-tests-")  # not the user's own

# A job in the background, as of nohup or of a CI server, starts with these ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# A loaded machine is no reason for a property to fail.
settings.register_profile("dlrun", deadline=None)
settings.load_profile("dlrun")


@pytest.fixture(scope="session")
def processes() -> Iterator[Nursery]:
    """What starts dlrun in processes of its own, with TensorFlow and MLflow imported already."""
    with nursery() as made:
        yield made


@pytest.fixture(scope="session", autouse=True)
def _new_stores_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MLflow's migrations of a new store take a second: they are run once."""
    from dlrun.tracking import store

    template, make = tmp_path_factory.mktemp("template") / "mlflow.db", store.connect

    def connect(uri: str) -> Any:
        path = Path(uri.removeprefix("sqlite:///"))
        if uri.startswith("sqlite:") and not path.exists():
            if not template.exists():
                make(f"sqlite:///{template}")
            shutil.copy(template, path)
        return make(uri)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "connect", connect)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest file first: at the end one worker would be left alone with it."""
    items.sort(key=lambda item: item.path.name != "test_contract_networks.py")


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
