"""What may be submitted, and what is said about the rest."""

import hashlib
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from docrelay import SourceError
from docrelay.names import PIECE_BYTES
from docrelay.sources import SPOOL_BYTES, measure

LARGE = bytes(range(256)) * (SPOOL_BYTES // 256) + b"more than is kept in memory"


class Handler(BaseHTTPRequestHandler):
    """Serves what a test needs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/missing.pdf":
            self.send_error(404)
        elif self.path == "/broken.pdf":
            self._head(len(LARGE))
            self.wfile.write(LARGE[: len(LARGE) // 2])
            self.close_connection = True
        elif self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/a%20report.pdf?version=2")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._head(len(LARGE))
            self.wfile.write(LARGE)

    def _head(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    """The address of a web server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def content(source: Any, name: str | None = None) -> tuple[str, bytes]:
    """The name and the bytes, which can be read again and again."""
    measured = measure(source, name)
    data = b"".join(measured.pieces())
    assert (measured.size, measured.sha256) == (len(data), hashlib.sha256(data).digest())
    assert b"".join(measured.pieces()) == data
    assert all(len(piece) <= PIECE_BYTES for piece in measured.pieces())
    return measured.name, data


def test_a_path(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(LARGE)
    assert content(path) == ("report.pdf", LARGE)
    assert content(str(path), "other.pdf") == ("other.pdf", LARGE)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes(kind: Any) -> None:
    assert content(kind(b"hello")) == ("unnamed", b"hello")
    assert content(kind(b""), "empty.txt") == ("empty.txt", b"")


def test_a_file_object(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(LARGE)
    with path.open("rb") as file:
        file.seek(100)
        measured = measure(file)
    assert b"".join(measured.pieces()) == LARGE[100:]  # from where it stands, and after it was closed
    assert measured.name == "report.pdf"
    assert content(io.BytesIO(b"hello")) == ("unnamed", b"hello")


def test_a_file_open_as_text(tmp_path: Path) -> None:
    path = tmp_path / "report.txt"
    path.write_text("hello")
    with path.open() as file, pytest.raises(SourceError, match=r"report\.txt is open as text; open it with mode 'rb'"):
        measure(file)  # type: ignore[arg-type]


def test_a_url(web: str) -> None:
    assert content(f"{web}/a%20report.pdf?version=2") == ("a report.pdf", LARGE)
    assert content(f"{web}/moved", "mine.pdf") == ("mine.pdf", LARGE)
    assert content(web)[0] == web.removeprefix("http://")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/missing.pdf", "Not Found"),
        ("/broken.pdf", "bytes too early"),
        ("/with a space.pdf", "control characters"),
    ],
)
def test_a_url_that_gives_nothing_whole(web: str, path: str, says: str) -> None:
    with pytest.raises(SourceError) as error:
        measure(web + path)
    assert "cannot be fetched" in str(error.value)
    assert says in str(error.value)


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(SourceError, match=r"cannot be fetched: .*refused"):
        measure("http://127.0.0.1:1/a.pdf")


def test_what_is_no_document(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"missing\.pdf does not exist; expected a file"):
        measure(tmp_path / "missing.pdf")
    with pytest.raises(SourceError, match="is a folder; expected a file"):
        measure(tmp_path)
    with pytest.raises(SourceError, match="cannot be read: File name too long"):
        measure("a text that somebody took for a path " * 200)
    with pytest.raises(SourceError, match="cannot submit a int: expected a path, bytes, a file or a URL"):
        measure(7)  # type: ignore[arg-type]


def test_a_file_that_changes_or_goes_before_it_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"before")
    measured = measure(path)
    path.write_bytes(b"after")
    with pytest.raises(SourceError, match="changed while it was read; submit it again"):
        list(measured.pieces())
    path.unlink()
    with pytest.raises(SourceError, match="cannot be read: No such file"):
        list(measured.pieces())
