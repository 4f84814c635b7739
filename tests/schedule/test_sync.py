"""`sync`, run by the real worker: new, changed, vanished, unchanged, and what must not be removed."""

import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from app.schedule.overview import Past
from docrelay.errors import SourceError
from tasks.recurring.sync.arguments import Chooser
from tasks.recurring.sync.places import Objects
from tests.schedule.conftest import Recurring

OLD = time.time() - 3600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three files in it, which are an hour old."""
    made = tmp_path / "inbox"
    (made / "deep").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "deep/c.txt"):
        write(made / name, f"{name} in {tmp_path.name}")
    return made


def write(file: Path, content: str, at: float = OLD) -> None:
    file.write_text(content)
    os.utime(file, (at, at))


class Syncing:
    """One entry's sync of one folder into a collection of its own."""

    def __init__(self, recurring: Recurring, folder: Path) -> None:
        self.recurring = recurring
        self.name = f"sync-{folder.parent.name}"
        self.collection = folder.parent.name
        self.source = str(folder)

    def __call__(self, *, rehearsal: bool = False, **arguments: Any) -> Past:
        arguments = {"source": self.source, "collection": self.collection, "pipeline": "extract", **arguments}
        return self.recurring.run(self.name, "sync", rehearsal=rehearsal, **arguments)

    def names(self) -> list[str]:
        rows = self.recurring.sql("select name from documents where collection = :c order by name", c=self.collection)
        return [row["name"] for row in rows]

    def jobs(self) -> int:
        rows = self.recurring.sql("select count(*) as n from jobs where collection = :c", c=self.collection)
        return int(rows[0]["n"])


@pytest.fixture
def sync(recurring: Recurring, folder: Path) -> Syncing:
    return Syncing(recurring, folder)


def test_new_files_once(sync: Syncing) -> None:
    """The second run touches nothing, not even its own rows."""
    first = sync()
    assert first.outcome == "succeeded", first
    assert (first.detail["new"], first.made) == (3, {"queued": 3})
    assert sync.names() == ["a.txt", "b.txt", "c.txt"]
    versions = "select path, xmin::text, taken_at from sync_items where sync = :s order by path"
    before = sync.recurring.sql(versions, s=sync.name)
    second = sync()
    assert {key: second.detail[key] for key in ("listed", "unchanged", "new", "changed")} == {
        "listed": 3,
        "unchanged": 3,
        "new": 0,
        "changed": 0,
    }
    assert second.made == {}
    assert sync.recurring.sql(versions, s=sync.name) == before


def test_a_changed_file_takes_the_place_of_the_old(sync: Syncing, folder: Path) -> None:
    sync()
    write(folder / "a.txt", "something else", OLD + 5)
    run = sync()
    assert (run.detail["changed"], run.detail["unchanged"], sync.jobs()) == (1, 2, 4)
    rows = sync.recurring.sql(
        "select replaces from jobs where collection = :c and replaces is not null", c=sync.collection
    )
    assert len(rows) == 1


def test_a_file_that_was_only_touched_is_read_but_not_submitted(sync: Syncing, folder: Path) -> None:
    sync()
    os.utime(folder / "a.txt", (OLD + 9, OLD + 9))
    assert sync().detail["same_bytes"] == 1
    assert sync().detail["unchanged"] == 3
    assert sync.jobs() == 3


def test_a_file_that_has_just_changed_is_not_trusted(sync: Syncing, folder: Path) -> None:
    """The same size within the same tick of the clock: only its bytes tell."""
    sync()
    write(folder / "a.txt", "1234", time.time())
    assert sync().detail["changed"] == 1
    state = (folder / "a.txt").stat()
    (folder / "a.txt").write_text("5678")
    os.utime(folder / "a.txt", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert sync().detail["changed"] == 1


def test_vanished_files_are_kept_or_removed(sync: Syncing, folder: Path) -> None:
    sync()
    (folder / "a.txt").unlink()
    assert (sync().detail["gone"], sync.names()) == (1, ["a.txt", "b.txt", "c.txt"])
    assert (sync(vanished="remove").detail["removed"], sync.names()) == (1, ["b.txt", "c.txt"])
    assert sync(vanished="remove").detail["gone"] == 0


def test_what_somebody_else_submitted_is_not_removed(sync: Syncing, folder: Path) -> None:
    sync.recurring.client.submit(folder / "a.txt", collection=sync.collection, pipeline="extract")
    sync()
    (folder / "a.txt").unlink()
    assert sync(vanished="remove").detail["removed"] == 1
    assert "a.txt" in sync.names()


def test_the_same_bytes_at_two_paths_stay_while_one_is_there(sync: Syncing, folder: Path) -> None:
    write(folder / "copy.txt", (folder / "a.txt").read_text())
    sync()
    (folder / "a.txt").unlink()
    sync(vanished="remove")
    assert len(sync.names()) == 3
    write(folder / "copy.txt", "changed", OLD + 5)
    sync()
    (folder / "copy.txt").unlink()
    sync(vanished="remove")
    assert "copy.txt" not in sync.names()


@pytest.mark.parametrize("left", [0, 1])
def test_a_folder_that_seems_empty_removes_nothing(sync: Syncing, folder: Path, left: int) -> None:
    """It may not be mounted."""
    sync()
    for path in sorted(folder.rglob("*.txt"))[left:]:
        path.unlink()
    run = sync(vanished="remove")
    assert run.outcome == "failed"
    assert "nothing was removed" in (run.reason or "")
    assert len(sync.names()) == 3


def test_patterns(sync: Syncing, folder: Path) -> None:
    write(folder / "notes.md", "notes")
    run = sync(include=["*.txt"], exclude=["deep/"])
    assert (run.detail["listed"], sync.names()) == (2, ["a.txt", "b.txt"])


def test_limits(sync: Syncing, folder: Path) -> None:
    """So many per run, the next one goes on; what is too large is named."""
    write(folder / "0-large.txt", "x" * 2000)
    run = sync(most=2, largest=1000)
    assert (run.detail["new"], run.detail["failed"], run.detail["left_for_the_next_run"]) == (2, 1, 1)
    assert run.detail["problems"][0]["path"] == "0-large.txt"
    assert (sync(most=2, largest=1000).detail["new"], len(sync.names())) == (1, 3)


def test_a_rehearsal_says_what_it_would_do_and_does_nothing(sync: Syncing, folder: Path) -> None:
    run = sync(rehearsal=True)
    assert (run.outcome, run.detail["to_add"], sync.names()) == ("succeeded", 3, [])
    assert {"add": "deep/c.txt"} in run.detail["would"]
    sync()
    (folder / "a.txt").unlink()
    assert sync(rehearsal=True, vanished="remove").detail["to_remove"] == 1
    assert sync.recurring.sql("select 1 from sync_items where sync = :s", s=sync.name) != []
    assert len(sync.names()) == 3
    assert sync(dry_run=True, vanished="remove").detail["to_remove"] == 1
    assert len(sync.names()) == 3


@pytest.mark.parametrize(
    ("arguments", "why"),
    [({"source": "/no/such/folder"}, "there is no folder"), ({"pipeline": "nope"}, "no pipeline 'nope'")],
)
def test_a_rehearsal_finds_what_is_wrong(sync: Syncing, arguments: dict[str, str], why: str) -> None:
    run = sync(rehearsal=True, **arguments)
    assert run.outcome == "failed"
    assert why in (run.reason or "")


def test_names_that_are_not_text(sync: Syncing, folder: Path) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.txt"))).write_text("coffee")
    run = sync()
    assert (run.outcome, run.detail["listed"]) == ("succeeded", 3)
    assert "UTF-8" in run.detail["skipped"][0]["why"]


def test_objects_of_a_store(folder: Path) -> None:
    """Listed with ETags and read by the library that speaks S3, GCS and Azure; here on a folder, as its own store."""
    objects = Objects(folder.as_uri(), Chooser(["*.txt"], ["deep/"]))
    found = {each.path: each for each in objects.walk()}
    assert set(found) == {"a.txt", "b.txt"}
    assert found["a.txt"].size == (folder / "a.txt").stat().st_size
    measured = objects.read(found["a.txt"])
    with measured.open() as stream:
        assert stream.read() == (folder / "a.txt").read_bytes()
    before = found["a.txt"].stamp
    write(folder / "a.txt", "something else", OLD + 5)
    assert {each.path: each for each in objects.walk()}["a.txt"].stamp != before
    (folder / "b.txt").unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        objects.read(found["b.txt"])


class Pages(BaseHTTPRequestHandler):
    """Pages with ETags, which count how often they are fetched."""

    pages: ClassVar[dict[str, bytes]]
    fetched: ClassVar[list[str]]

    def _answer(self, *, body: bool) -> None:
        page = self.pages.get(self.path)
        self.send_response(200 if page is not None else 404)
        if page is not None:
            self.send_header("ETag", f'"{hash(page)}"')
        self.send_header("Content-Length", str(len(page or b"")))
        self.end_headers()
        if body:
            self.fetched.append(self.path)
            self.wfile.write(page or b"")

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def web() -> Iterator[tuple[str, type[Pages]]]:
    class Own(Pages):
        pages: ClassVar = {"/1.txt": b"page one", "/2.txt": b"page two"}
        fetched: ClassVar = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Own
    server.shutdown()
    server.server_close()


def test_urls(recurring: Recurring, web: tuple[str, type[Pages]]) -> None:
    """Fetched when they are new or their ETag has changed, and removed when their server says that they are gone."""
    address, pages = web
    urls = [f"{address}/1.txt", f"{address}/2.txt"]

    def sync() -> dict[str, Any]:
        run = recurring.run("web", "sync", urls=urls, collection="web", pipeline="extract", vanished="remove")
        assert run.outcome == "succeeded", run.reason
        return run.detail

    assert (sync()["new"], pages.fetched) == (2, ["/1.txt", "/2.txt"])
    assert (sync()["unchanged"], len(pages.fetched)) == (2, 2)
    pages.pages["/1.txt"] = b"page one again"
    assert (sync()["changed"], pages.fetched[2:]) == (1, ["/1.txt"])
    del pages.pages["/2.txt"]
    assert sync()["removed"] == 1
    rows = recurring.sql("select name from documents where collection = 'web' and name = '2.txt'")
    assert rows == []
