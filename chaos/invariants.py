"""What must hold after any fault: nothing lost, nothing stuck, nothing silent, nothing done twice."""

import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import psycopg

from docrelay import Client, Job


class Harm(StrEnum):
    """What a broken promise means for whoever submitted the document."""

    LOST = "lost"
    STUCK = "stuck"
    DUPLICATED = "duplicated"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Question:
    """A query for the ids of jobs that broke a promise; none should."""

    harm: Harm
    sql: str


NOT_THEIRS = "documents charged for a fault that was not theirs"

QUESTIONS = {
    "chunks stored twice": Question(
        Harm.DUPLICATED,
        """select j.id from jobs j where exists (select 1 from chunks c where c.document_id = j.document_id
                                                 group by ordinal having count(*) > 1)""",
    ),
    "documents with a gap in their chunks": Question(
        Harm.LOST,
        """select j.id from jobs j where exists (select 1 from chunks c where c.document_id = j.document_id
                                                 having max(ordinal) + 1 <> count(*))""",
    ),
    "chunks without their vector": Question(
        Harm.LOST,
        """select j.id from jobs j join chunks c on c.document_id = j.document_id
           where j.status = 'succeeded'
             and not exists (select 1 from embeddings e where e.text_hash = c.text_hash)""",
    ),
    "indexed documents without chunks": Question(
        Harm.LOST,
        """select j.id from jobs j where j.status = 'succeeded' and j.pipeline = 'index'
             and not exists (select 1 from chunks c where c.document_id = j.document_id)""",
    ),
    "leases of finished jobs": Question(
        Harm.STUCK,
        """select j.id from stage_runs s join jobs j on j.id = s.job_id
           where s.lease_token is not null and j.finished_at is not null and not s.after_outcome""",
    ),
    # A stage that was put off (notify, while a receiver is down) ends each of its attempts well.
    "stages that succeeded more than once": Question(
        Harm.DUPLICATED,
        """select s.job_id from attempts a join stage_runs s on s.id = a.stage_run_id
           where a.outcome = 'succeeded' and not s.after_outcome group by s.id having count(*) > 1
           union select job_id from events where kind = 'succeeded' group by job_id, stage having count(*) > 1""",
    ),
    "jobs with more than one outcome": Question(
        Harm.DUPLICATED,
        """select j.id from jobs j join events e on e.job_id = j.id
           where e.kind like 'job %' group by j.id having count(*) > 1""",
    ),
    "stages worked on by two at once": Question(
        Harm.DUPLICATED,
        """select s.job_id from stage_runs s join attempts a on a.stage_run_id = s.id
             join attempts b on b.stage_run_id = s.id and b.number = a.number + 1
           where a.ended_at is null or b.started_at < a.ended_at""",
    ),
    "writes of a worker whose lease had run out": Question(
        Harm.DUPLICATED,
        """select e.job_id from events e join events gone using (job_id, stage, attempt)
           where gone.kind = 'lease ran out' and e.id > gone.id
             and e.kind in ('succeeded', 'failed', 'crashed', 'limit', 'postponed', 'given back',
                            'failed, will be tried again')""",
    ),
    "attempts that ended without a word": Question(
        Harm.SILENT,
        """select s.job_id from attempts a join stage_runs s on s.id = a.stage_run_id
           where a.ended_at is null and s.status <> 'running'""",
    ),
    "attempts whose start is not in the history": Question(
        Harm.SILENT,
        """select s.job_id from attempts a join stage_runs s on s.id = a.stage_run_id
           where not exists (select 1 from events e where e.job_id = s.job_id and e.stage = s.stage
                             and e.attempt = a.number and e.kind = 'started')""",
    ),
    "attempts whose end is not in the history": Question(
        Harm.SILENT,
        """select s.job_id from attempts a join stage_runs s on s.id = a.stage_run_id
           where a.outcome not in ('cancelled') and not exists
             (select 1 from events e where e.job_id = s.job_id and e.stage = s.stage and e.attempt = a.number
              and e.kind not in ('started', 'message dropped', 'announced again'))""",
    ),
    "events without who": Question(Harm.SILENT, "select job_id from events where who = ''"),
    "outcomes without an event": Question(
        Harm.SILENT,
        """select j.id from jobs j where j.finished_at is not null and not exists
             (select 1 from events e where e.job_id = j.id
              and (e.kind = 'job ' || j.status or e.kind like 'answered%'))""",
    ),
    "failures without a reason": Question(
        Harm.SILENT,
        """select id from jobs where status in ('failed', 'quarantined')
           and coalesce(error ->> 'message', '') = ''""",
    ),
    NOT_THEIRS: Question(Harm.SILENT, "select job_id from stage_runs where failures > 0 or strikes > 0"),
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


def offenders(connection: psycopg.Connection, *, charged: bool = False) -> dict[str, set[uuid.UUID]]:
    """By promise, the jobs that broke it; promises that held are left out.

    `charged` allows strikes, for faults that look like the document's own.
    """
    questions = {name: each for name, each in QUESTIONS.items() if not (charged and name == NOT_THEIRS)}
    answers = {name: {row[0] for row in connection.execute(each.sql.encode())} for name, each in questions.items()}
    return {name: ids for name, ids in answers.items() if ids}


def broken_invariants(database_url: str, *, charged: bool = False) -> dict[str, int]:
    """The promises that did not hold, each with the number of jobs that broke it."""
    with psycopg.connect(database_url) as connection:
        return {name: len(ids) for name, ids in offenders(connection, charged=charged).items()}
