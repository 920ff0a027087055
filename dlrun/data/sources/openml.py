"""Tables of openml.org."""

from __future__ import annotations

from dlrun.data.sources.download import download
from dlrun.data.sources.raw import RawData
from dlrun.data.sources.tables import checked


def read(name: str, _target: str | None) -> RawData:
    """Read a table by its name or its number.

    Raises:
        DataError: there is no such table, or it cannot be downloaded.
    """
    from sklearn.datasets import fetch_openml

    key = {"data_id": int(name)} if name.isdecimal() else {"name": name}
    bunch = download(f"openml:{name}", lambda: fetch_openml(**key, as_frame=True))
    brought = bunch.target_names or []
    frame = checked(bunch.frame, f"openml:{name}")
    return RawData(
        bunch.details.get("name", name), frame, brought[0] if len(brought) == 1 else None
    )
