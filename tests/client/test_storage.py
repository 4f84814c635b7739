"""Where bytes are kept: in Postgres, or in a folder by way of an object store."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from docrelay import Client, ConfigError, SourceError, Unavailable, contents
from docrelay.contents import ContentsDamaged, StorageUnavailable
from docrelay.database import transact
from docrelay.names import PIECE_BYTES
from docrelay.sources import Measured, measure
from tests.transitions.service import Service, at_once

LARGE = b"0123456789abcdef" * (PIECE_BYTES // 16) * 3 + b"a little more"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that is the object store, not made yet."""
    return tmp_path / "bytes" / "here"


@pytest.fixture
def stored(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client that keeps bytes there."""
    monkeypatch.setenv("DOCRELAY_STORAGE_URL", f"file://{folder}")
    with Client(url) as client:
        yield client


def read(engine: Engine, sha256: str, storage_url: str = "") -> bytes:
    return transact(engine, lambda connection: contents.read(connection, bytes.fromhex(sha256), storage_url))


@pytest.mark.parametrize("data", [b"", b"x", b"x" * PIECE_BYTES, LARGE])
def test_in_postgres_in_pieces(client: Client, engine: Engine, service: Service, data: bytes) -> None:
    sha256 = client.submit(data).document.sha256
    assert read(engine, sha256) == data
    sizes = [row["size"] for row in service.sql("select length(data) as size from pieces order by number")]
    assert sizes == [min(PIECE_BYTES, len(data) - start) for start in range(0, len(data), PIECE_BYTES)]


@pytest.mark.parametrize("data", [b"", LARGE])
def test_in_a_folder(stored: Client, engine: Engine, service: Service, folder: Path, data: bytes) -> None:
    sha256 = stored.submit(data).document.sha256
    assert read(engine, sha256, f"file://{folder}") == data
    assert service.sql("select 1 from pieces") == []
    if data:
        assert (folder / sha256[:2] / sha256).read_bytes() == data


def test_the_same_bytes_are_kept_once(client: Client, engine: Engine, service: Service) -> None:
    client.submit(b"same", collection="one")
    client.submit(b"same", collection="two")
    assert len(service.sql("select 1 from pieces")) == 1


def test_damaged_bytes_are_never_taken_for_a_document(client: Client, engine: Engine, service: Service) -> None:
    sha256 = client.submit(LARGE).document.sha256
    service.sql("update pieces set data = 'x' || substr(data, 2) where number = 1")
    with pytest.raises(ContentsDamaged, match=f"{sha256[:12]}… are missing or damaged"):
        read(engine, sha256)
    service.sql("delete from pieces where number = 1")
    with pytest.raises(ContentsDamaged):
        read(engine, sha256)


def test_damaged_or_missing_objects_too(stored: Client, engine: Engine, folder: Path) -> None:
    sha256 = stored.submit(LARGE).document.sha256
    path = folder / sha256[:2] / sha256
    path.write_bytes(b"somebody else's")
    with pytest.raises(ContentsDamaged, match="are missing or damaged"):
        read(engine, sha256, f"file://{folder}")
    path.unlink()
    with pytest.raises(ContentsDamaged, match="there is no object"):
        read(engine, sha256, f"file://{folder}")


def test_a_store_that_is_not_set_or_cannot_be_used(stored: Client, engine: Engine, folder: Path, url: str) -> None:
    sha256 = stored.submit(LARGE).document.sha256
    with pytest.raises(ConfigError, match="set DOCRELAY_STORAGE_URL to the one"):
        read(engine, sha256)
    with Client(url, storage_url="nonsense://x") as client, pytest.raises(ConfigError, match="cannot be opened"):
        client.submit(b"hello")
    (folder / "ab").write_text("a file where a folder should be")
    with pytest.raises(Unavailable, match="the object store cannot be reached"):
        contents.store_at(f"file://{folder}").put("ab/cd", [b"hello"])


def test_a_store_that_is_away_is_not_one_that_lost_its_bytes(stored: Client, engine: Engine, folder: Path) -> None:
    """As when a folder is not mounted: nothing is said to be damaged, and nothing is put where it would be hidden."""
    sha256 = stored.submit(LARGE).document.sha256
    aside = folder.rename(folder.with_name("aside"))
    with pytest.raises(StorageUnavailable, match="not mounted"):
        read(engine, sha256, f"file://{folder}")
    with pytest.raises(StorageUnavailable, match="not mounted"):
        stored.submit(b"another")
    assert not folder.exists()
    aside.rename(folder)
    assert read(engine, sha256, f"file://{folder}") == LARGE


def test_a_store_that_goes_away_while_bytes_are_put(
    stored: Client, folder: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be where the mount hides them: nothing is accepted, and nothing stays there."""
    stored.submit(LARGE)
    another = measure(b"another")
    aside = folder.with_name("aside")

    class Unmounting(Measured):
        def pieces(self) -> Iterator[bytes]:
            folder.rename(aside)
            return super().pieces()

    late = Unmounting(another.name, another.sha256, another.size, another.open)
    monkeypatch.setattr("docrelay.client.measure", lambda *_: late)
    with pytest.raises(StorageUnavailable, match="not mounted"):
        stored.submit(b"another")
    assert [found for found in folder.rglob("*") if found.is_file()] == []
    assert len(service.sql("select 1 from jobs")) == 1
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)
    monkeypatch.undo()
    assert stored.submit(b"another").id


def test_a_store_without_the_mark_is_known_by_what_it_holds(stored: Client, engine: Engine, folder: Path) -> None:
    sha256 = stored.submit(LARGE).document.sha256
    (folder / contents.MARKER).unlink()
    stored.submit(b"another")
    assert (folder / contents.MARKER).exists()
    assert read(engine, sha256, f"file://{folder}") == LARGE


def test_a_file_that_changes_while_it_is_put_leaves_nothing(
    stored: Client, folder: Path, tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    measured = measure(path)
    path.write_text("after")
    monkeypatch.setattr("docrelay.client.measure", lambda *_: measured)
    with pytest.raises(SourceError, match="changed while it was read"):
        stored.submit(path)
    assert [found.name for found in folder.rglob("*") if found.is_file()] == [contents.MARKER]
    assert service.sql("select 1 from contents") == []


class TestDelete:
    @pytest.mark.parametrize("name", ["client", "stored"])
    def test_shared_bytes_go_with_the_last_document(
        self, name: str, request: pytest.FixtureRequest, service: Service, folder: Path
    ) -> None:
        client: Client = request.getfixturevalue(name)
        one, two = (client.submit(LARGE, collection=collection).document for collection in ("one", "two"))
        client.delete(one.id)
        assert len(service.sql("select 1 from contents")) == 1
        kept = service.sql("select 1 from pieces") if name == "client" else list(folder.glob("*/*"))
        assert kept
        client.delete(two.id)
        assert service.sql("select 1 from contents union all select 1 from pieces") == []
        assert list(folder.glob("*/*")) == []

    def test_an_object_that_is_gone_already_is_no_trouble(self, stored: Client, folder: Path) -> None:
        document = stored.submit(LARGE).document
        (folder / document.sha256[:2] / document.sha256).unlink()
        stored.delete(document.id)
        assert stored.jobs() == []

    @pytest.mark.parametrize("by", ["delete", "drop_unused"])
    def test_waits_for_whoever_stores_the_same_bytes(
        self, client: Client, service: Service, engine: Engine, by: str
    ) -> None:
        old = client.submit(b"shared", collection="old").document
        sha256 = bytes.fromhex(old.sha256)
        if by == "drop_unused":  # what tidying up does, with bytes whose document is gone
            service.sql("delete from documents")
        with ThreadPoolExecutor() as pool, engine.connect() as connection:
            client.submit(b"shared", collection="new", session=connection)
            removing = (
                pool.submit(client.delete, old.id)
                if by == "delete"
                else pool.submit(service.run, lambda c: contents.drop_unused(c, sha256, ""))
            )
            time.sleep(0.3)
            assert not removing.done()
            connection.commit()
            assert removing.result(10) is None
        assert read(engine, old.sha256) == b"shared"

    @pytest.mark.parametrize("name", ["client", "stored"])
    def test_while_the_same_bytes_are_submitted_again(
        self, name: str, request: pytest.FixtureRequest, engine: Engine, folder: Path
    ) -> None:
        client: Client = request.getfixturevalue(name)
        storage_url = f"file://{folder}" if name == "stored" else ""
        for _ in range(10):
            old = client.submit(b"shared", collection="old").document
            results = at_once(partial(client.delete, old.id), partial(client.submit, b"shared", collection="new"))
            assert results[0] is None, results
            assert read(engine, results[1].document.sha256, storage_url) == b"shared"
            client.delete(results[1].document.id)
