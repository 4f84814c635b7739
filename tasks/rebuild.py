"""Looks after the generations of the index. Runs in the dispatcher.

The one that searches use gets an index of its vectors when there are too many to compare them all. A new one is built
beside it, by ordinary jobs of the lowest priority, a few at a time, and so goes on wherever it was when it is killed.
When no document is missing the new one gets its index, search is switched to it, and what the old one leaves behind is
removed.
"""

import logging
import threading
from collections import defaultdict

import psycopg
from sqlalchemy import Connection, bindparam, select, text

from app.locks import Lock
from app.runtime import Stopping, database_url, engine, identity
from config.settings import settings
from docrelay import tables as t
from docrelay import transitions
from docrelay.database import CONNECT, psycopg_url, transact
from docrelay.errors import DocrelayError
from docrelay.names import PRIORITY_LOWEST, REEMBED, Channel, GenerationStatus
from docrelay.search.vector_index import Outgrown, outgrown
from docrelay.transitions import NewJob, Plan, generations
from docrelay.transitions.generations import Generation
from tasks import vector_index

log = logging.getLogger(__name__)

IDLE_SECONDS = 2.0
BUSY_SECONDS = 0.5
TROUBLE_SECONDS = 10.0
"""After a round that failed: an index that cannot be built may have kept Postgres busy for minutes."""

OPEN_JOBS = 200
"""So many documents have their job at a time: enough for the workers, and few to cancel."""

REMOVED_AT_ONCE = 5_000

LOCK_DOCUMENTS = text("select id from documents where id in :ids order by id for no key update").bindparams(
    bindparam("ids", expanding=True)
)
DROP_CHUNKS = text(
    """
    delete from chunks where generation = :id
      and id in (select id from chunks where generation = :id limit :most)
    """
)
DROP_VECTORS = text(
    """
    delete from embeddings where model_id = :model_id
      and text_hash in (select text_hash from embeddings where model_id = :model_id limit :most)
    """
)


class Rebuilder(threading.Thread):
    """Looks after generations until told to stop; of several, one does the work."""

    def __init__(self, stopping: Stopping) -> None:
        """Prepare."""
        super().__init__(name="rebuild", daemon=True)
        self._stopping = stopping

    def run(self) -> None:
        """Go round after round; outages are waited out."""
        while not self._stopping.asked.is_set():
            wait = IDLE_SECONDS
            try:
                if transact(engine(), lambda connection: bool(_wanted(connection) or _outgrown(connection))):
                    wait = self._round()
            except (DocrelayError, psycopg.OperationalError) as error:
                log.warning("the index of vectors, or the next generation, waits: %s", error)
                wait = TROUBLE_SECONDS
            except Exception:
                log.exception("a round of rebuilding failed")
                wait = TROUBLE_SECONDS
            self._stopping.asked.wait(wait)

    def _round(self) -> float:
        url = psycopg_url(database_url()).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True, application_name="docrelay rebuild", **CONNECT) as alone:
            row = alone.execute("select pg_try_advisory_lock(%s)", (Lock.REBUILD,)).fetchone()
            if not row or not row[0]:
                return IDLE_SECONDS
            return BUSY_SECONDS if advance(alone) else IDLE_SECONDS


def _wanted(connection: Connection) -> list[Generation]:
    ended = (GenerationStatus.RETIRED, GenerationStatus.ABORTED)
    return generations.generations(connection, GenerationStatus.BUILDING, *ended)


def _outgrown(connection: Connection) -> Outgrown | None:
    return outgrown(connection, GenerationStatus.ACTIVE)


def advance(alone: psycopg.Connection) -> bool:
    """Do the next bit of what is wanted, on a connection that holds the lock; whether there is more to do at once."""
    model = transact(engine(), _outgrown)
    if model is not None:
        vector_index.build(alone, *model, most_mb=settings().index_memory_mb)
    wanted = transact(engine(), _wanted)
    for generation in wanted:
        if generation.status is not GenerationStatus.BUILDING:
            return _remove(alone, generation)
    return bool(wanted) and _build(alone, wanted[0])


def _build(alone: psycopg.Connection, new: Generation) -> bool:
    open_jobs = transact(engine(), lambda connection: len(generations.jobs_open(connection)))
    room = OPEN_JOBS - open_jobs
    if room < OPEN_JOBS // 4:
        return True
    if transact(engine(), lambda connection: _feed(connection, new, room)):
        return True
    if new.fed_until is not None:
        # Once more from the start: what was submitted or has changed meanwhile.
        transact(engine(), lambda connection: generations.fed(connection, new.id, None))
        return True
    if open_jobs:
        return True
    _make_index(alone, new)
    if not transact(engine(), lambda connection: generations.switch(connection, new)):
        return False  # a document failed, or came this very moment
    log.warning("searches use generation %d now: %s in %s", new.id, new.model, new.arithmetic)
    return True


def _feed(connection: Connection, new: Generation, most: int) -> int:
    """Make jobs for documents that are missing in the generation; how many."""
    found = generations.missing(connection, new, most=most)
    if not found:
        return 0
    connection.execute(LOCK_DOCUMENTS, {"ids": [document_id for document_id, _, _ in found]})
    stages = connection.scalar(select(t.Pipeline.stages).where(t.Pipeline.name == REEMBED)) or []
    by_collection: dict[str, list[NewJob]] = defaultdict(list)
    for document_id, name, collection in found:
        by_collection[collection].append(NewJob(document_id=document_id, name=name))
    for collection, jobs in by_collection.items():
        # A fingerprint that no job had: these are never answered by an earlier one.
        fingerprint = f"generation {new.id} after {new.fed_until}, {connection.scalar(text('select now()'))}"
        plan = Plan(collection, REEMBED, fingerprint, stages, priority=PRIORITY_LOWEST, who=identity("dispatcher"))
        transitions.create(connection, plan, jobs)
    generations.fed(connection, new.id, found[-1][0])
    return len(found)


def _make_index(alone: psycopg.Connection, new: Generation) -> None:
    """Before the switch, if it has many vectors: searches must not be slow for as long as that takes."""
    found = transact(engine(), lambda connection: outgrown(connection, GenerationStatus.BUILDING))
    if found is not None and found.model_id == new.model_id:
        vector_index.build(alone, *found, most_mb=settings().index_memory_mb)


def _remove(alone: psycopg.Connection, old: Generation) -> bool:
    """Remove some of what a generation leaves behind; searches that began before the switch still see it."""

    def some(connection: Connection) -> int:
        values = {"id": old.id, "model_id": old.model_id, "most": REMOVED_AT_ONCE}
        gone = connection.execute(DROP_CHUNKS, values).rowcount
        if not gone and old.model_id is not None and not _in_use(connection, old):
            gone = connection.execute(DROP_VECTORS, values).rowcount
        return gone

    if transact(engine(), some):
        return True
    if old.model_id is not None and not transact(engine(), lambda connection: _in_use(connection, old)):
        vector_index.drop(alone, old.model_id)
    transact(engine(), lambda connection: generations.removed(connection, old.id))
    return True


def _in_use(connection: Connection, old: Generation) -> bool:
    """Whether another generation needs vectors of the same model."""
    live = generations.generations(connection, GenerationStatus.ACTIVE, GenerationStatus.BUILDING)
    return any(generation.model_id == old.model_id for generation in live)


def abort() -> bool:
    """Give up the generation that is built, and its jobs; False if there is none."""

    def work(connection: Connection) -> bool:
        if not generations.abort(connection):
            return False
        for job_id in generations.jobs_open(connection):
            transitions.cancel(connection, job_id, who=identity("operator"))
        connection.execute(text("select pg_notify(:channel, '')"), {"channel": Channel.READY})
        return True

    return transact(engine(), work)
