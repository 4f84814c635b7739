"""Collections share the workers: a small one does not wait for the end of a large one."""

import uuid

from docrelay import Client


def test_a_small_collection_is_not_held_up_by_a_large_one(client: Client) -> None:
    """Eighty documents were there first, ten came later: the ten are done long before the eighty."""
    mark = uuid.uuid4().hex
    crowd = client.submit_many([f"crowd {mark} {n}".encode() for n in range(80)], collection=f"crowd-{mark}")
    few = client.submit_many([f"few {mark} {n}".encode() for n in range(10)], collection=f"few-{mark}")
    for job in few:
        client.wait(job.id, timeout=90)
    assert sum(job.finished for job in client.jobs(ids=[job.id for job in crowd])) < 60
    for job in crowd:
        client.wait(job.id, timeout=90)
