"""`dlrun doctor`: versions, devices, the tracking store and the extras."""

from __future__ import annotations

import platform
from typing import Annotated, Final

import typer

from dlrun.cli.options import Uri
from dlrun.errors import DlrunError

OTHER_EXTRAS: Final = {
    "gpu": {"nvidia-cudnn-cu12"},
    "ray": {"ray"},
    "dask": {"distributed"},
}


def doctor(
    uri: Uri = None,
    bench: Annotated[
        bool, typer.Option("--bench", help="Time steps of three networks on this device.")
    ] = False,
) -> None:
    """Show versions, devices and why they are used, the tracking store, and the extras."""
    from dlrun.deep.distributed.devices import describe_devices
    from dlrun.system.environment import installed, versions

    _print("python", f"{platform.python_version()} · {platform.platform()}")
    _print("packages", *(f"{name} {number}" for name, number in versions().items()))
    found = describe_devices()
    _print("devices", *found.devices)
    _print("auto", *(f"{key:<12}{choice}" for key, choice in found.auto.items()))
    _print("store", _store(uri))
    for extra, packages in _extras().items():
        is_complete = all(installed(name) for name in packages)
        state = "installed" if is_complete else f"not installed: pip install 'dlrun[{extra}]'"
        _print(f"extra {extra}", state)
    if bench:
        _bench()


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


def _bench() -> None:
    """Time steps of some networks, and print each row as it is measured."""
    from dlrun.deep.device_bench import measure_networks, programs

    titles = [
        "with XLA " if by_xla else f"{policy.removeprefix('mixed_')} "
        for policy, by_xla in programs()
    ]
    _print("bench", "milliseconds of a step; the fastest is marked")
    print()
    print(_row("network", "rows", titles), flush=True)
    for paces in measure_networks():
        fastest = min(filter(None, paces.seconds), default=None)
        cells = [
            f"{1000 * seconds:.3g}{'*' if seconds == fastest else ' '}" if seconds else "– "
            for seconds in paces.seconds
        ]
        print(_row(paces.network, str(paces.n_rows), cells), flush=True)


def _row(network: str, n_rows: str, cells: list[str]) -> str:
    row = f"{'':<14}{network:<16}{n_rows:>5}" + "".join(f"{cell:>12}" for cell in cells)
    return row.rstrip()


def _store(uri: str | None) -> str:
    from dlrun.tracking.store import open_store

    try:
        store = open_store(uri, create=False)
    except DlrunError as error:
        return str(error)
    return f"{store.place}. {store.note}" if store.note else store.place
