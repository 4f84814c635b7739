"""Faults of stored bytes, and of the disk that they and the temporary files are on."""

import errno
import shutil
import tempfile
import time
import uuid
from pathlib import Path

from sqlalchemy import text

from chaos.load import COLLECTION
from chaos.target import NotInjected, Target, until
from docrelay import Client
from docrelay.contents import MARKER
from docrelay.database import make_engine

DAMAGED = "damaged-"


def missing_bytes(target: Target) -> str:
    """A document whose bytes are gone before anybody reads them: it must fail, and say why."""
    name = f"{DAMAGED}{target.dice.getrandbits(40):010x}.md"
    engine = make_engine(target.stack.database_url, application="chaos")
    try:
        # One transaction, so that no worker can be faster.
        with Client(target.stack.database_url) as client, engine.begin() as connection:
            job = client.submit(
                f"# {name}\n\nNobody will read this.".encode(),
                name=name,
                collection=COLLECTION,
                key=name,
                notify=[target.load.receiver],
                session=connection,
            )
            gone = text(
                "delete from pieces where sha256 = "
                "(select d.sha256 from documents d join jobs j on j.document_id = d.id where j.id = :id)"
            )
            removed = connection.execute(gone, {"id": job.id}).rowcount
    finally:
        engine.dispose()
    if not removed:
        raise NotInjected("there were no pieces to remove")
    target.load.note(job.id, name)
    return f"{removed} pieces of {name} removed"


HELD_UP = """
    select count(*) from events where kind = 'held up by the service' and detail ->> 'code' = 'storage_unavailable'
      and job_id = coalesce(%s, job_id) and id > %s
"""


def away(target: Target) -> str:
    """The object store is away, as a folder that is not mounted: documents wait, and uploads are refused."""
    aside = target.objects.with_name("objects-aside")
    last, refused = _last_event(target), target.load.refused
    target.objects.rename(aside)
    try:
        target.load.feed(1)
        until(
            lambda: target.load.refused > refused or target.rows(HELD_UP, None, last)[0][0],
            20,
            "nobody missed the object store",
        )
        time.sleep(target.dice.uniform(0, target.timing.outage))
        if (target.objects / MARKER).exists():
            raise NotInjected("somebody has made another store in its place")
        held = target.rows(HELD_UP, None, last)[0][0]
    finally:
        _put_back(aside, target.objects)
    return f"{held} stages held up, {target.load.refused - refused} uploads refused"


def _put_back(aside: Path, folder: Path) -> None:
    """As a mount does it: what was put into the folder meanwhile is gone. A document that relied on it is lost."""
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        try:
            aside.rename(folder)
        except OSError as error:  # an upload that was under way has made its folders again
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return


def unreadable(target: Target) -> str:
    """A document's object cannot be opened for a while; then it can."""
    name = f"unreadable-{target.dice.getrandbits(40):010x}.md"
    last = _last_event(target)
    url = target.stack.database_url
    engine = make_engine(url, application="chaos")
    try:
        with Client(url, storage_url=target.objects.as_uri()) as client, engine.begin() as connection:
            job = client.submit(
                f"# {name}\n\nThis can be read later only.".encode(),
                name=name,
                collection=COLLECTION,
                key=name,
                notify=[target.load.receiver],
                session=connection,
            )
            path = target.objects / job.document.sha256[:2] / job.document.sha256
            aside = path.with_name(f"{path.name}-aside")
            path.rename(aside)
            # A link to itself: opening it fails for everybody, root too.
            path.symlink_to(path)
    finally:
        engine.dispose()
    target.load.note(job.id, name)
    try:
        until(lambda: target.rows(HELD_UP, job.id, last)[0][0], 30, "nobody tried to read it")
    finally:
        aside.replace(path)
    return f"{name} was held up until it could be opened"


def _last_event(target: Target) -> int:
    return int(target.rows("select coalesce(max(id), 0) from events")[0][0])


def full_while_uploading(target: Target) -> str:
    """The disk of the object store is full while documents are submitted: none of them is accepted, or half there."""
    refused = target.load.refused
    with target.work_disk.full():
        target.load.feed(2)
        until(lambda: target.load.refused > refused, 30, "no upload was refused")
        time.sleep(target.dice.uniform(0, target.timing.outage))
    return f"{target.load.refused - refused} uploads refused"


def full_while_working(target: Target) -> str:
    """The disk of temporary files (and of the embedded broker) is full while stages run."""
    ended = "select count(*) from attempts where ended_at is not null"
    target.fed_until(target.at_work, 30, "nobody was at work")
    with target.work_disk.full():
        before = target.rows(ended)[0][0]
        _must_not_write(Path(target.marks["TMPDIR"]))
        time.sleep(target.dice.uniform(1, target.timing.outage))
        after = target.rows(ended)[0][0]
    return f"no room for temporary files; {after - before} attempts ended meanwhile"


def _must_not_write(folder: Path) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(uuid.uuid4().bytes * 1024)
            file.flush()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return
        raise
    raise NotInjected("there was room for a file")
