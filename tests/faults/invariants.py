"""What must hold after any fault: nothing lost, nothing stuck, nothing silent, nothing done twice."""

import time
import uuid
from collections import Counter
from collections.abc import Sequence

import psycopg

from docrelay import Client, Job

QUESTIONS = {
    "chunks stored twice": "select count(*) - count(distinct (document_id, ordinal)) from chunks",
    "documents with a gap in their chunks": """
        select count(*) from (select document_id from chunks group by document_id
                              having max(ordinal) + 1 <> count(*)) gaps""",
    "chunks without their vector": """
        select count(*) from chunks c where not exists
            (select 1 from embeddings e where e.text_hash = c.text_hash)""",
    "indexed documents without chunks": """
        select count(*) from jobs j where j.status = 'succeeded' and j.pipeline = 'index'
            and not exists (select 1 from chunks c where c.document_id = j.document_id)""",
    "leases of finished jobs": """
        select count(*) from stage_runs s join jobs j on j.id = s.job_id
        where s.lease_token is not null and j.finished_at is not null and not s.after_outcome""",
    "stages that succeeded more than once": """
        select count(*) from (select stage_run_id from attempts where outcome = 'succeeded'
                              group by stage_run_id having count(*) > 1) doubled""",
    "attempts that ended without a word": """
        select count(*) from attempts a join stage_runs s on s.id = a.stage_run_id
        where a.ended_at is null and s.status <> 'running'""",
    "outcomes without an event": """
        select count(*) from jobs j where j.finished_at is not null and not exists
            (select 1 from events e where e.job_id = j.id
             and (e.kind = 'job ' || j.status or e.kind like 'answered%'))""",
    "documents charged for a fault that was not theirs": """
        select count(*) from stage_runs where failures > 0 or strikes > 0""",
}


def wait_for_all(client: Client, ids: Sequence[uuid.UUID], seconds: float) -> list[Job]:
    """The jobs when all have their outcome; fails, saying what each waits for, when they do not get it in time."""
    give_up = time.monotonic() + seconds
    while True:
        jobs = client.jobs(ids=ids, limit=len(ids))
        assert len(jobs) == len(ids), f"{len(ids) - len(jobs)} jobs are lost"
        open_jobs = [job for job in jobs if not job.finished]
        if not open_jobs:
            return jobs
        assert time.monotonic() < give_up, Counter(job.waiting_because for job in open_jobs)
        time.sleep(0.1)


def broken_invariants(database_url: str, *, charged: bool = False) -> dict[str, int]:
    """The questions that were not answered with 0.

    `charged` allows strikes, for faults that look like the document's own.
    """
    with psycopg.connect(database_url) as connection:
        answers = {name: int(connection.execute(sql).fetchone()[0]) for name, sql in QUESTIONS.items()}  # type: ignore[index]
    if charged:
        answers.pop("documents charged for a fault that was not theirs")
    return {name: count for name, count in answers.items() if count}
