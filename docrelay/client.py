"""The client: everything a program asks of docrelay, over one Postgres URL."""

import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import Session

from docrelay import contents, passwords, transitions
from docrelay import tables as t
from docrelay.backpressure import Backpressure, WhenFull
from docrelay.database import find_url, make_engine, transact
from docrelay.errors import ConfigError, Conflict, JobFailed, NotFound, WaitTimeout
from docrelay.ids import new_id
from docrelay.names import (
    SCHEDULE_COLLECTION,
    UNFINISHED,
    DeliveryStatus,
    GenerationStatus,
    JobStatus,
    SearchMode,
    Variable,
)
from docrelay.notifying import read_deliveries, select_deliveries, with_attempts
from docrelay.reading import read_events, read_jobs, select_jobs
from docrelay.search import Filters, search
from docrelay.sources import Source, measure
from docrelay.submitting import Wishes, accept, check_targets
from docrelay.transitions.batches import open_batch
from docrelay.transitions.deliveries import replay
from docrelay.views import Collection, Delivery, Event, Hit, Job
from docrelay.watching import watching


class Client:
    """Submits documents, watches their jobs, searches their text.

    Safe to share between threads. Methods raise `Unavailable` when the database cannot be reached.
    """

    def __init__(self, url: str | None = None, *, storage_url: str | None = None) -> None:
        """Use the database at `url`, else DOCRELAY_DATABASE_URL, else the embedded stack that runs here.

        Raises:
            ConfigError: none of them is there.
        """
        self.url = find_url(url)
        self._storage_url = storage_url or os.environ.get(Variable.STORAGE_URL, "")
        self._engine = make_engine(self.url, application="docrelay client")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    # -- submitting

    def submit(
        self,
        source: Source,
        *,
        collection: str = "default",
        metadata: Mapping[str, Any] | None = None,
        pipeline: str = "index",
        priority: int = 5,
        key: str | None = None,
        notify: Sequence[str] = (),
        name: str | None = None,
        replaces: uuid.UUID | None = None,
        at: datetime | None = None,
        delay: float | timedelta | None = None,
        session: Session | Connection | None = None,
        max_unfinished: int | None = None,
        when_full: WhenFull = "refuse",
        timeout: float = 60.0,
        password: str | None = None,
    ) -> Job:
        """Store a document and queue a job for it. When this returns, it cannot be lost.

        Args:
            source: a path, an http(s)/s3/gs/az URL, bytes, or a binary file object.
            collection: where the document belongs; the same bytes are one document per collection.
            metadata: anything JSON can hold, kept with the document.
            pipeline: `index` (parse, vectorize, notify), `extract`, `reembed`, or one of your own.
            priority: 1 (lowest) to 10; higher overtakes lower.
            key: idempotency key; the same key returns the same job.
            notify: who is told when the outcome is known: URLs of webhooks, `mailto:` addresses, `@` and names that
                the operator gave to other targets.
            name: what to call it, if the source has no name.
            replaces: a document that is removed once this one is searchable.
            at: start then, not before; a datetime with a time zone.
            delay: start after so many seconds, or this timedelta. The document is stored now either way.
            session: join this transaction of yours; nothing starts until you commit.
            max_unfinished: the collection may have at most so many jobs without an outcome, this one included.
            when_full: `refuse`, or `wait` until there is room; in a transaction of yours only `refuse`.
            timeout: wait for room at most so many seconds.
            password: what opens the document, if it is encrypted; forgotten once it was read.

        Raises:
            SourceError: the source cannot be read.
            ConfigError: an argument is wrong.
            CollectionFull: there is no room; your transaction is as it was before.
        """
        if session is not None and when_full == "wait":
            raise ConfigError("when_full='wait': it would hold your transaction open; catch CollectionFull instead")
        passwords.check(password)
        limited = Backpressure(collection, max_unfinished, when_full, timeout, key=key)
        measured = measure(source, name)
        wishes = Wishes(collection, metadata, pipeline, priority, key, notify, replaces, at=at, delay=delay)

        def work(connection: Connection) -> Job:
            (job_id,) = accept(connection, [measured], wishes, self._storage_url)
            if password is not None:
                passwords.keep(connection, job_id, password)
            return self._one(connection, job_id)

        if session is not None:
            return limited.keep(session.connection() if isinstance(session, Session) else session, work)
        return limited.submit(self._engine, self.url, work)

    def submit_many(
        self,
        sources: Iterable[Source],
        *,
        collection: str = "default",
        metadata: Mapping[str, Any] | None = None,
        pipeline: str = "index",
        priority: int = 5,
        notify: Sequence[str] = (),
        notify_batch: Sequence[str] = (),
        max_unfinished: int | None = None,
        when_full: WhenFull = "refuse",
        timeout: float = 60.0,
        at: datetime | None = None,
        delay: float | timedelta | None = None,
    ) -> list[Job]:
        """Submit many documents in one transaction: all are accepted, or none. Jobs in the given order.

        `notify` is told of each job, `notify_batch` once, by `batch.finished`, when all have their outcome.

        Raises:
            SourceError: one of them cannot be read; nothing was accepted.
            ConfigError: an argument is wrong, or they are more than `max_unfinished` allows at all.
            CollectionFull: there is no room for all of them; nothing was accepted.
        """
        measured = [measure(source) for source in sources]
        check_targets("notify_batch", notify_batch)
        limited = Backpressure(collection, max_unfinished, when_full, timeout, adding=len(measured))
        batch = t.Batch(id=new_id(), collection=collection, total=len(measured), notify=[*notify_batch])
        wishes = Wishes(collection, metadata, pipeline, priority, None, notify, batch_id=batch.id, at=at, delay=delay)

        def work(connection: Connection) -> list[uuid.UUID]:
            if measured:
                open_batch(connection, batch)
            return accept(connection, measured, wishes, self._storage_url)

        job_ids = limited.submit(self._engine, self.url, work)
        jobs = {job.id: job for job in self._many(job_ids)}
        return [jobs[job_id] for job_id in job_ids]

    # -- looking

    def get(self, job_id: uuid.UUID | str) -> Job:
        """A job as it is now.

        Raises:
            NotFound: there is no such job.
        """
        return transact(self._engine, lambda connection: self._one(connection, job_id))

    def _one(self, connection: Connection, job_id: uuid.UUID | str) -> Job:
        found = read_jobs(connection, select_jobs().where(t.Job.id == _uuid(job_id)))
        if not found:
            raise NotFound(f"there is no job {job_id}")
        return found[0]

    def _many(self, job_ids: Sequence[uuid.UUID]) -> list[Job]:
        statement = select_jobs().where(t.Job.id.in_(job_ids))
        return transact(self._engine, lambda connection: read_jobs(connection, statement))

    def jobs(
        self,
        *,
        status: JobStatus | str | Sequence[JobStatus | str] | None = None,
        collection: str | None = None,
        pipeline: str | None = None,
        ids: Sequence[uuid.UUID] | None = None,
        limit: int = 100,
    ) -> list[Job]:
        """Jobs, newest first; recurring ones only if their collection, pipeline or ids are asked for."""
        statement = select_jobs().order_by(t.Job.id.desc()).limit(limit)
        if collection is None and pipeline is None and ids is None:
            statement = statement.where(t.Job.collection != SCHEDULE_COLLECTION)
        if status is not None:
            wanted = [status] if isinstance(status, str) else list(status)
            statement = statement.where(t.Job.status.in_([JobStatus(item) for item in wanted]))
        if collection is not None:
            statement = statement.where(t.Job.collection == collection)
        if pipeline is not None:
            statement = statement.where(t.Job.pipeline == pipeline)
        if ids is not None:
            statement = statement.where(t.Job.id.in_(ids))
        return transact(self._engine, lambda connection: read_jobs(connection, statement))

    def events(self, job_id: uuid.UUID | str) -> list[Event]:
        """The whole history of a job, oldest first.

        Raises:
            NotFound: there is no such job.
        """
        events = transact(self._engine, lambda connection: read_events(connection, _uuid(job_id)))
        if not events:
            raise NotFound(f"there is no job {job_id}")
        return events

    def collections(self) -> list[Collection]:
        """All collections in numbers."""
        return transact(self._engine, _collections)

    # -- waiting

    def watch(self, job_id: uuid.UUID | str, *, timeout: float | None = None) -> Iterator[Job]:
        """The job now, then at every change until its outcome is known; pushed, not polled.

        Ends without an outcome when `timeout` seconds are over.

        Raises:
            NotFound: there is no such job.
        """
        give_up = time.monotonic() + timeout if timeout is not None else None
        with watching(self.url, [_uuid(job_id)]) as place:
            seen: Job | None = None
            while seen is None or not seen.finished:
                # Even without time there is one answer: the job now.
                left = None if give_up is None or seen is None else give_up - time.monotonic()
                news = place.take(left if left is None else max(0.0, left))
                for job in news:
                    if job != seen:
                        yield job
                    seen = job
                if give_up is not None and time.monotonic() >= give_up:
                    return

    def wait(self, job_id: uuid.UUID | str, *, timeout: float | None = None, children: bool = False) -> Job:
        """The job with its outcome; with `children`, once those of all documents inside it have theirs too.

        Raises:
            JobFailed: it, or one of them, ended as failed, quarantined or cancelled.
            WaitTimeout: it is not over after `timeout` seconds; waiting again is safe.
            NotFound: there is no such job.
        """
        give_up = None if timeout is None else time.monotonic() + timeout
        job = self._wait(job_id, timeout)
        if children:
            for child in job.children:
                left = None if give_up is None else max(0.0, give_up - time.monotonic())
                self.wait(child.id, timeout=left, children=True)
            job = self.get(job.id)
        return job

    def _wait(self, job_id: uuid.UUID | str, timeout: float | None) -> Job:
        job = None
        for job in self.watch(job_id, timeout=timeout):  # noqa: B007 - the last one counts
            pass
        job = job or self.get(job_id)
        if not job.finished:
            raise WaitTimeout(job, timeout or 0)
        if not job.ok:
            raise JobFailed(job)
        return job

    # -- changing

    def cancel(self, job_id: uuid.UUID | str) -> Job:
        """End a job that has no outcome yet, and those of documents inside it: queued ones at once, running ones
        within seconds.

        Raises:
            NotFound: there is no such job.
            Conflict: all of them have their outcome already.
        """
        job = self.get(job_id)
        if not self._cancel(job.id):
            job = self.get(job_id)
            if job.status is not JobStatus.CANCELLED:
                raise Conflict(f"job {job.id} is {job.status}; only queued and running jobs can be cancelled")
        return self.get(job_id)

    def _cancel(self, job_id: uuid.UUID) -> bool:
        """Whether there was anything to cancel."""
        # The container first: afterwards nobody makes more members.
        any_cancelled = transact(self._engine, lambda connection: transitions.cancel(connection, job_id))
        members = select(t.Job.id).where(t.Job.parent == job_id)
        for child in transact(self._engine, lambda connection: connection.scalars(members).all()):
            any_cancelled |= self._cancel(child)
        return any_cancelled

    def retry(self, job_id: uuid.UUID | str, *, from_stage: str | None = None, password: str | None = None) -> Job:
        """Start a job that did not wholly succeed again, from the stage that failed or an earlier `from_stage`.

        `password` opens its document, if it is encrypted; one that was given before is forgotten.

        Raises:
            NotFound: there is no such job, or it has no such stage.
            Conflict: it is not in such a state.
        """
        job = self.get(job_id)
        if from_stage is not None and from_stage not in [stage.name for stage in job.stages]:
            names = ", ".join(stage.name for stage in job.stages)
            raise NotFound(f"job {job.id} has no stage {from_stage!r}; it has {names}")

        passwords.check(password)

        def work(connection: Connection) -> bool:
            started = transitions.retry(connection, job.id, from_stage=from_stage)
            if started and password is not None:
                passwords.keep(connection, job.id, password)
            return started

        if not transact(self._engine, work):
            raise Conflict(f"job {job.id} is {job.status}; only jobs that ended without full success can be retried")
        return self.get(job_id)

    def delete(self, document_id: uuid.UUID | str) -> None:
        """Remove a document with its jobs, text and vectors, and its bytes if no other has the same.

        Documents that were found inside it go with it, unless they were submitted by themselves as well.

        Raises:
            NotFound: there is no such document.
        """
        wanted = _uuid(document_id)

        def work(connection: Connection) -> bool:
            sha256 = connection.scalar(select(t.Document.sha256).where(t.Document.id == wanted))
            if sha256 is None:
                return False
            contents.hold(connection, sha256)
            running = select(t.Job.id).where(t.Job.document_id == wanted, t.Job.status.in_(UNFINISHED))
            for job_id in connection.scalars(running).all():
                transitions.cancel(connection, job_id)
            removed = transitions.remove_document(connection, wanted)
            for each in sorted(set(removed)):
                contents.drop_unused(connection, each, self._storage_url)
            return bool(removed)

        if not transact(self._engine, work):
            raise NotFound(f"there is no document {document_id}")

    # -- notifications

    def deliveries(
        self,
        *,
        job_id: uuid.UUID | str | None = None,
        status: DeliveryStatus | str | None = None,
        event: str | None = None,
        target: str | None = None,
        limit: int = 100,
    ) -> list[Delivery]:
        """Notifications, newest first, without their tries."""
        statement = select_deliveries(
            status=DeliveryStatus(status) if status else None,
            event=event,
            target=target,
            job_id=_uuid(job_id) if job_id else None,
        )
        return transact(self._engine, lambda connection: read_deliveries(connection, statement.limit(limit)))

    def delivery(self, delivery_id: uuid.UUID | str) -> Delivery:
        """A notification with every try.

        Raises:
            NotFound: there is no such notification.
        """
        statement = select_deliveries(ids=[_uuid(delivery_id)])

        def work(connection: Connection) -> Delivery:
            found = read_deliveries(connection, statement)
            if not found:
                raise NotFound(f"there is no delivery {delivery_id}")
            return with_attempts(connection, found[0])

        return transact(self._engine, work)

    def replay(self, delivery_id: uuid.UUID | str) -> Delivery:
        """Send a notification again that was delivered or given up, with its id and payload, for another day.

        Raises:
            NotFound: there is no such notification.
            Conflict: it is on its way.
        """
        wanted = self.delivery(delivery_id)
        if not transact(self._engine, lambda connection: replay(connection, [wanted.id])):
            raise Conflict(f"delivery {wanted.id} is {wanted.status}; only delivered and failed ones can be sent again")
        return self.delivery(wanted.id)

    # -- searching

    def search(
        self,
        query: str,
        *,
        collection: str | Sequence[str] | None = None,
        mode: SearchMode | str = SearchMode.HYBRID,
        metadata: Mapping[str, Any] | None = None,
        documents: Sequence[uuid.UUID | str] = (),
        media_types: Sequence[str] = (),
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 10,
        rerank: bool = False,
        candidates: int = 50,
        timeout: float = 10,
    ) -> list[Hit]:
        """The passages that answer `query` best, best first.

        Args:
            query: what to look for. By words, "exact phrases" must be there and -words must not.
            collection: only in this one, or in these.
            mode: `hybrid` (both rankings fused), `vector` (by meaning) or `text` (by words; needs no worker).
            metadata: only documents whose metadata contain these pairs.
            documents: only in these documents, by id.
            media_types: only in documents of these types, as `application/pdf`.
            since: only in documents submitted at this time or later.
            until: only in documents submitted before this time.
            limit: at most so many.
            rerank: have a cross-encoder of the service (`DOCRELAY_RERANK_MODEL`) read the best passages together with
                the query, and order them by what it finds; a hit's score is then the cross-encoder's.
            candidates: with `rerank`, it reads so many of the best by `mode`, and `limit` at least; its time grows
                with them.
            timeout: seconds to wait for the query's vector, and with `rerank` for the new order.

        Raises:
            SearchUnavailable: no process that holds the model answered within `timeout` seconds; or `rerank` is asked
                for and no cross-encoder is set, or it cannot be loaded.
            ConfigError: there is no such mode.
            NotFound: one of `documents` is not an id.
        """
        filters = Filters(
            collections=(collection,) if isinstance(collection, str) else tuple(collection or ()),
            metadata=metadata,
            documents=tuple(map(_uuid, documents)),
            media_types=tuple(media_types),
            since=since,
            until=until,
        )
        return search(
            self._engine,
            self.url,
            query,
            filters,
            mode=mode,
            limit=limit,
            rerank=rerank,
            candidates=candidates,
            timeout=timeout,
        )


def _uuid(value: uuid.UUID | str) -> uuid.UUID:
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(value)
    except ValueError:
        raise NotFound(f"{value!r} is not an id; expected a UUID") from None


def _collections(connection: Connection) -> list[Collection]:
    documents = (
        select(t.Document.collection, func.count().label("documents"), func.sum(t.Document.size).label("bytes"))
        .group_by(t.Document.collection)
        .subquery()
    )
    chunks = (
        select(t.Document.collection, func.count().label("chunks"))
        .join(t.Chunk, t.Chunk.document_id == t.Document.id)
        .join(t.Generation, (t.Generation.id == t.Chunk.generation) & (t.Generation.status == GenerationStatus.ACTIVE))
        .group_by(t.Document.collection)
        .subquery()
    )
    unfinished = (
        select(t.Job.collection, func.count().label("unfinished"))
        .where(t.Job.status.in_(UNFINISHED))
        .group_by(t.Job.collection)
        .subquery()
    )
    statement = (
        select(documents, func.coalesce(chunks.c.chunks, 0), func.coalesce(unfinished.c.unfinished, 0))
        .outerjoin(chunks, chunks.c.collection == documents.c.collection)
        .outerjoin(unfinished, unfinished.c.collection == documents.c.collection)
        .where(documents.c.collection != SCHEDULE_COLLECTION)
        .order_by(documents.c.collection)
    )
    return [
        Collection(name=name, documents=count, bytes=int(size), chunks=chunk_count, unfinished=open_count)
        for name, count, size, chunk_count, open_count in connection.execute(statement)
    ]
