from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dlrun.data.sources.registry import read_source
from dlrun.data.sources.url import is_url
from dlrun.errors import DataError

TABLE = b"a;b\n1,5;x\n2;y\n"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        served: list[str] = self.server.served  # type: ignore[attr-defined]
        served.append(self.path)
        if "gone" in self.path:
            self.send_error(404, "Not Found")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(TABLE) + 10 * ("cut" in self.path)))
        self.end_headers()
        self.wfile.write(TABLE)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing it waits for its answers


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    with Server(("127.0.0.1", 0), Handler) as found:
        found.served = []  # type: ignore[attr-defined]
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def address(server: ThreadingHTTPServer, path: str) -> str:
    return f"http://127.0.0.1:{server.server_port}/{path}"


def test_a_table_is_downloaded_once_and_said(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    url = address(server, "some/da%20ta.csv?key=secret")
    raw = read_source(url, tmp_path)
    assert raw.name == "da ta"
    assert raw.frame.to_dict("list") == {"a": [1.5, 2.0], "b": ["x", "y"]}
    note, found = raw.notes
    (path,) = (tmp_path / "cache" / "downloads").glob("*/da ta.csv")
    digest = hashlib.sha256(TABLE).hexdigest()
    assert note.text == (
        f"{address(server, 'some/da%20ta.csv')}: {len(TABLE)} bytes, SHA-256 {digest}, kept as "
        f"{path}. Delete that file to download it again."
    )
    assert found.code == "DLR014"
    assert read_source(url, tmp_path).notes == raw.notes
    assert len(server.served) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("gone.csv", "the server answers 404 Not Found."),
        ("cut.csv", f"the connection ended after {len(TABLE)} of {len(TABLE) + 10} bytes."),
    ],
)
def test_what_cannot_be_downloaded_is_one_clear_error(
    server: ThreadingHTTPServer, tmp_path: Path, path: str, reason: str
) -> None:
    url = address(server, path)
    with pytest.raises(DataError) as caught:
        read_source(url, tmp_path)
    assert str(caught.value).startswith(f"{url} cannot be downloaded: {reason}")
    assert not [*(tmp_path / "cache").rglob("*.csv")]


def test_without_a_network_a_copy_is_advised(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    url = address(server, "t.csv")
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match=r"Is this machine online\? A copy of the file works"):
        read_source(url.replace("http://", "HTTP://user:password@"), tmp_path)


def test_a_cache_that_cannot_be_written_is_named(
    server: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"cannot be kept as .*Set DLRUN_CACHE_DIR"):
        read_source(address(server, "t.csv"), tmp_path)


def test_only_addresses_are_addresses() -> None:
    assert is_url("https://example.org/a.csv")
    assert not is_url("openml:adult")
    assert not is_url("data/http.csv")
