"""Following several jobs over one connection: told of changes by Postgres, not by asking."""

import time
import uuid
from collections.abc import Iterator, Sequence

from docrelay.client import Client
from docrelay.views import Job
from docrelay.watching import watching

PAUSE_SECONDS = 0.1
"""Between two looks: with many jobs under way there are more changes than anybody can see."""


def follow(client: Client, ids: Sequence[uuid.UUID], *, timeout: float | None = None) -> Iterator[Job]:
    """Each job now, then at each of its changes, until all have their outcome or `timeout` seconds are over.

    Raises:
        NotFound: one of them does not exist, or was deleted meanwhile.
    """
    give_up = None if timeout is None else time.monotonic() + timeout
    seen: dict[uuid.UUID, Job] = {}
    wanted = len(set(ids))
    with watching(client.url, ids) as place:
        while sum(job.finished for job in seen.values()) < wanted:
            late = give_up is not None and time.monotonic() >= give_up
            if late and len(seen) == wanted:
                return
            # Even without time there is one answer for each: the job now.
            left = None if give_up is None or len(seen) < wanted else give_up - time.monotonic()
            for job in sorted(place.take(left), key=lambda job: job.id):
                if seen.get(job.id) != job:
                    yield job
                seen[job.id] = job
            if len(seen) == wanted:
                time.sleep(PAUSE_SECONDS)
