"""The environment: Python, the machine and the versions of the libraries."""

from __future__ import annotations

import getpass
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from dlrun.system.cost import THREAD_VARIABLES, n_cores
from dlrun.system.gpus import gpu_names
from dlrun.system.version import __version__

PACKAGES: Final = (
    "tensorflow", "keras", "scikit-learn", "mlflow", "pandas", "numpy", "scipy", "pyarrow",
    "xgboost", "lightgbm",
)  # fmt: skip


def installed(package: str) -> str | None:
    """Return a package's version without importing it, None when it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def versions() -> dict[str, str]:
    """Return the versions of dlrun and of the libraries that a result depends on."""
    known = {name: installed(name) for name in PACKAGES}
    return {"dlrun": __version__, **{name: number for name, number in known.items() if number}}


def describe_environment() -> str:
    """Return what a result depends on beside the recipe and the data, one fact per line."""
    threads = ", ".join(
        f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if name in os.environ
    )
    facts = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": n_cores(),
        "gpus": ", ".join(gpu_names()) or "none",
        "threads": threads or "not pinned",
        **versions(),
    }
    return "".join(f"{name} {value}\n" for name, value in facts.items())


def user_name() -> str:
    """Return the name of the user; unknown where a container runs under an id without one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
