"""Submitting what is new or changed, and removing what is gone; each step with its row, in one transaction."""

import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, delete, exists, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from app.schedule.recurring import Run
from config.settings import settings
from docrelay import contents, transitions
from docrelay.errors import SourceError
from docrelay.names import UNFINISHED
from docrelay.sources import Measured
from docrelay.submitting import Wishes, accept
from docrelay.tables import Document, Job, SyncItem
from tasks.recurring.sync.arguments import Sync
from tasks.recurring.sync.listing import Difference
from tasks.recurring.sync.places import Found, Place

MOST_TOGETHER = 50
BYTES_TOGETHER = 16 * 1024**2
"""Files that are submitted in one transaction."""

ALONE = text("select pg_advisory_xact_lock(hashtextextended('sync ' || :sync, 0))")
"""One step of a sync at a time: a run that was taken for dead may still be about to commit its last one."""

Step = list[tuple[Difference, Measured]]


class Taking:
    """What one run has done, or in a rehearsal would have done."""

    def __init__(self, run: Run, wanted: Sync, place: Place) -> None:
        """Take from a place."""
        self._run = run
        self._wanted = wanted
        self._place = place
        self._dry = run.rehearsal or wanted.dry_run
        self._step: Step = []
        self.looked_at = 0
        self._counts = dict.fromkeys(("new", "changed", "same_bytes", "removed", "failed"), 0)
        self._named: list[dict[str, str]] = []
        self._problems: list[dict[str, str]] = []

    @property
    def full(self) -> bool:
        """Whether this run has taken all that one may."""
        return self._counts["new"] + self._counts["changed"] + len(self._step) >= self._wanted.most

    def report(self, named: int) -> dict[str, Any]:
        """Numbers, and the first so many paths that matter."""
        words = {"new": "to_add", "changed": "to_read", "removed": "to_remove"} if self._dry else {}
        report: dict[str, Any] = {words.get(key, key): value for key, value in self._counts.items()}
        if self._dry:
            report.pop("same_bytes")
            report["would"] = self._named[:named]
        if self._problems:
            report["problems"] = self._problems[:named]
        return report

    def take(self, differences: Sequence[Difference]) -> None:
        """Submit these, a step at a time."""
        size = 0
        for difference in differences:
            if self.full:
                break
            self._run.check()
            self.looked_at += 1
            if self._dry:
                self._name("read" if difference.known else "add", difference.found.path)
                self._counts["changed" if difference.known else "new"] += 1
                continue
            measured = self._measured(difference)
            if measured is not None:
                self._step.append((difference, measured))
                size += measured.size
                if len(self._step) >= MOST_TOGETHER or size >= BYTES_TOGETHER:
                    self._commit()
                    size = 0
        self._commit()

    def _name(self, what: str, path: str) -> None:
        if len(self._named) < 100:
            self._named.append({what: path})

    def _measured(self, difference: Difference) -> Measured | None:
        found = difference.found
        if found.size is not None and found.size > self._wanted.largest:
            self._fail(difference, f"{found.size} bytes are more than largest = {self._wanted.largest}", found.stamp)
            return None
        try:
            measured = self._place.read(found)
        except SourceError as error:
            self._fail(difference, str(error), "")
            return None
        if measured.size > self._wanted.largest:
            self._fail(difference, f"{measured.size} bytes are more than largest = {self._wanted.largest}", found.stamp)
            return None
        return measured

    def _fail(self, difference: Difference, why: str, stamp: str) -> None:
        """Remember that it could not be taken; without a stamp it is tried again by the next run."""
        self._counts["failed"] += 1
        if len(self._problems) < 100:
            self._problems.append({"path": difference.found.path, "why": why})
        found = Found(difference.found.path, difference.found.size, stamp)
        self._run.write(lambda connection: self._note(connection, found, problem=why))

    def _commit(self) -> None:
        step, self._step = self._step, []
        if not step:
            return
        # Counted after the commit, by what the transaction that was committed found.
        outcome = self._run.write(partial(self._submit, step=step)) or {}
        for key, number in outcome.items():
            self._counts[key] += number
        done = self._counts["new"] + self._counts["changed"]
        self._run.progress(done, done, "taken")

    def _submit(self, connection: Connection, step: Step) -> dict[str, int]:
        connection.execute(ALONE, {"sync": self._sync})
        step = self._still_open(connection, step)
        same = [each for each in step if each[0].sha256 == each[1].sha256]
        new = [each for each in step if each[0].sha256 is None]
        changed = [each for each in step if each[0].sha256 not in (None, each[1].sha256)]
        for difference, measured in same:
            item = {"sha256": measured.sha256, "document_id": difference.document_id, "owned": difference.owned}
            self._note(connection, difference.found, **item)
        self._accept(connection, new, replaces=None)
        for difference, measured in changed:
            self._accept(connection, [(difference, measured)], replaces=self._replaceable(connection, difference))
        return {"same_bytes": len(same), "new": len(new), "changed": len(changed)}

    @property
    def _sync(self) -> str:
        return self._run.order.entry

    def _still_open(self, connection: Connection, step: Step) -> Step:
        """Without those that a run before this one, taken for dead, has committed meanwhile."""
        paths = [difference.found.path for difference, _ in step]
        rows = connection.execute(
            select(SyncItem.path, SyncItem.sha256).where(SyncItem.sync == self._sync, SyncItem.path.in_(paths))
        )
        now = {row.path: row.sha256 for row in rows}
        return [each for each in step if now.get(each[0].found.path) == each[0].sha256]

    def _accept(self, connection: Connection, step: Step, *, replaces: uuid.UUID | None) -> None:
        if not step:
            return
        wanted = self._wanted
        wishes = Wishes(
            collection=wanted.collection,
            metadata=wanted.metadata or None,
            pipeline=wanted.pipeline,
            priority=wanted.priority,
            replaces=replaces,
        )
        there = set(
            connection.scalars(
                select(Document.sha256).where(
                    Document.collection == wanted.collection, Document.sha256.in_([m.sha256 for _, m in step])
                )
            )
        )
        job_ids = accept(connection, [measured for _, measured in step], wishes, settings().storage_url)
        rows = connection.execute(select(Job.id, Job.document_id).where(Job.id.in_(job_ids)))
        documents = {row.id: row.document_id for row in rows}
        for (difference, measured), job_id in zip(step, job_ids, strict=True):
            owned = difference.owned or measured.sha256 not in there
            item = {"sha256": measured.sha256, "document_id": documents[job_id], "owned": owned}
            self._note(connection, difference.found, **item)
        self._run.made(connection, job_ids)

    def _replaceable(self, connection: Connection, difference: Difference) -> uuid.UUID | None:
        """The document that a changed file takes the place of: the sync's own, and of no other path."""
        if difference.document_id is None or not difference.owned:
            return None
        if self._is_elsewhere(connection, difference.document_id, difference.found.path):
            return None
        return difference.document_id

    def _is_elsewhere(self, connection: Connection, document_id: uuid.UUID, path: str) -> bool:
        other = (SyncItem.sync != self._sync) | (SyncItem.path != path)
        return bool(connection.scalar(select(exists().where(SyncItem.document_id == document_id, other))))

    def _note(self, connection: Connection, found: Found, **item: Any) -> None:
        values = {"size": found.size, "stamp": found.stamp, "problem": None, **item}
        row = upsert(SyncItem).values(sync=self._sync, path=found.path, **values)
        connection.execute(row.on_conflict_do_update(index_elements=["sync", "path"], set_=values))

    # -- what is gone

    def remove(self, paths: Sequence[str]) -> None:
        """Forget these paths, and remove the documents that are the sync's own and of no other path."""
        for path in paths:
            self._run.check()
            if self._dry:
                self._name("remove", path)
            else:
                self._run.write(partial(self._remove, path=path))
            self._counts["removed"] += 1

    def _remove(self, connection: Connection, path: str) -> None:
        connection.execute(ALONE, {"sync": self._sync})
        columns = select(SyncItem.document_id, SyncItem.owned, Document.sha256)
        joined = columns.outerjoin(Document, Document.id == SyncItem.document_id)
        row = connection.execute(joined.where(SyncItem.sync == self._sync, SyncItem.path == path)).one_or_none()
        if row is None:
            return
        is_last = row.document_id and row.owned and not self._is_elsewhere(connection, row.document_id, path)
        if is_last:
            # As the client deletes: bytes are locked first, jobs under way are ended.
            contents.hold(connection, row.sha256)
        connection.execute(delete(SyncItem).where(SyncItem.sync == self._sync, SyncItem.path == path))
        if not is_last:
            return
        running = select(Job.id).where(Job.document_id == row.document_id, Job.status.in_(UNFINISHED))
        for job_id in connection.scalars(running).all():
            transitions.cancel(connection, job_id, who=f"sync {self._sync}")
        for sha256 in sorted(set(transitions.remove_document(connection, row.document_id))):
            contents.drop_unused(connection, sha256, settings().storage_url)
