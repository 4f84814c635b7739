"""Following several jobs over one connection: told of changes by Postgres, not by asking."""

import time
import uuid
from collections.abc import Iterator, Sequence

from docrelay.changes import Listener
from docrelay.client import LOOK_SECONDS, Client
from docrelay.errors import NotFound
from docrelay.names import Channel
from docrelay.views import Job

PAUSE_SECONDS = 0.1
"""Between two looks: with many jobs under way there are more changes than anybody can see."""


def follow(client: Client, ids: Sequence[uuid.UUID], *, timeout: float | None = None) -> Iterator[Job]:
    """Each job now, then at each of its changes, until all have their outcome or `timeout` seconds are over.

    Raises:
        NotFound: one of them does not exist, or was deleted meanwhile.
    """
    give_up = None if timeout is None else time.monotonic() + timeout
    open_ids = set(ids)
    seen: dict[uuid.UUID, Job] = {}
    with Listener(client.url, Channel.JOB) as listener:
        changed = set(open_ids)
        while True:
            for job in _read(client, changed):
                if seen.get(job.id) != job:
                    yield job
                seen[job.id] = job
                if job.finished:
                    open_ids.discard(job.id)
            if not open_ids or (give_up is not None and time.monotonic() >= give_up):
                return
            changed = _changed(listener, open_ids, give_up)


def _read(client: Client, ids: set[uuid.UUID]) -> list[Job]:
    found = client.jobs(ids=list(ids), limit=len(ids)) if ids else []
    for missing in ids - {job.id for job in found}:
        raise NotFound(f"there is no job {missing}")
    return sorted(found, key=lambda job: job.id)


def _changed(listener: Listener, open_ids: set[uuid.UUID], give_up: float | None) -> set[uuid.UUID]:
    """Those of the jobs that may have changed; all of them when nothing was heard for a while."""
    look_at = time.monotonic() + LOOK_SECONDS
    if give_up is not None:
        look_at = min(look_at, give_up)
    names = {str(identity): identity for identity in open_ids}
    while (left := look_at - time.monotonic()) > 0:
        payloads = {payload for _, payload in listener.wait(left)}
        if "" in payloads:
            return open_ids.copy()
        if changed := {names[payload] for payload in payloads & names.keys()}:
            time.sleep(min(PAUSE_SECONDS, max(0.0, look_at - time.monotonic())))
            return changed
    return open_ids.copy()
