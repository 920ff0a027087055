"""`dlrun doctor`: versions, devices, the tracking store and the extras."""

from __future__ import annotations

import platform
from typing import Final

from dlrun.cli.options import Uri
from dlrun.errors import DlrunError

OTHER_EXTRAS: Final = {
    "gpu": {"nvidia-cudnn-cu12"},
    "ray": {"ray"},
    "dask": {"distributed"},
}


def doctor(uri: Uri = None) -> None:
    """Show versions, devices and why they are used, the tracking store, and the extras."""
    from dlrun.system.environment import installed, versions

    _print("python", f"{platform.python_version()} · {platform.platform()}")
    _print("packages", *(f"{name} {number}" for name, number in versions().items()))
    _print("devices", *_devices())
    _print("store", _store(uri))
    for extra, packages in _extras().items():
        is_complete = all(installed(name) for name in packages)
        state = "installed" if is_complete else f"not installed: pip install 'dlrun[{extra}]'"
        _print(f"extra {extra}", state)


def _extras() -> dict[str, set[str]]:
    """Return extra → the packages that it installs."""
    from dlrun.catalog.baselines import BASELINES
    from dlrun.catalog.features import FEATURES

    packages = [row.package for row in BASELINES.values()]
    packages += [row.package for row in FEATURES.values()]
    extras: dict[str, set[str]] = {}
    for package in filter(None, packages):
        extras.setdefault(package.extra, set()).add(package.distribution)
    return {**dict(sorted(extras.items())), **OTHER_EXTRAS}


def _print(label: str, *lines: str) -> None:
    for index, line in enumerate(lines):
        print(f"{'' if index else label:<14}{line}")


def _devices() -> list[str]:
    from dlrun.deep.distributed.devices import describe_devices

    return describe_devices()


def _store(uri: str | None) -> str:
    from dlrun.tracking.store import open_store

    try:
        store = open_store(uri, create=False)
    except DlrunError as error:
        return str(error)
    return f"{store.place}. {store.note}" if store.note else store.place
