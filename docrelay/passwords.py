"""Passwords of encrypted documents: apart from everything else, and only until the document was read.

They are in one table, in plain text, for whoever may read the database. Nothing else of the service repeats them: no
event, message, log, notification or error. They go when the stage that needs them last has closed; with the job; and,
by the dispatcher's sweep, when the job has ended in any other way.
"""

import uuid

from sqlalchemy import Connection, delete, select, text

from docrelay.database import storable
from docrelay.errors import ConfigError
from docrelay.tables import Password

LONGEST = 1024

KEEP = text(
    """
    insert into passwords (job_id, password)
    select id, :password from jobs where id = :job_id and status in ('queued', 'running')
    on conflict (job_id) do update set password = excluded.password, created_at = now()
    """
)

# Locked, so that a retry with a new password at this moment is either seen here or waits for the end of this.
FORGET_FINISHED = text(
    """
    delete from passwords where job_id in (
        select jobs.id from passwords join jobs on jobs.id = passwords.job_id
        where jobs.status not in ('queued', 'running')
        for update of jobs skip locked)
    """
)


def check(password: str | None) -> None:
    """Whether it can be kept.

    Raises:
        ConfigError: it is too long, or holds what Postgres does not take. The message does not repeat it.
    """
    if password is not None and (not password or len(password) > LONGEST or password != storable(password)):
        raise ConfigError(f"password: expected 1 to {LONGEST} characters, without NUL")


def keep(connection: Connection, job_id: uuid.UUID, password: str) -> None:
    """Keep the password for a job, if that has no outcome yet."""
    connection.execute(KEEP, {"job_id": job_id, "password": password})


def find(connection: Connection, job_id: uuid.UUID) -> str | None:
    """The password that was given with the job."""
    return connection.scalar(select(Password.password).where(Password.job_id == job_id))


def forget(connection: Connection, job_id: uuid.UUID) -> None:
    """Remove the password: the document was read."""
    connection.execute(delete(Password).where(Password.job_id == job_id))


def forget_finished(connection: Connection) -> None:
    """Remove those of all jobs that have their outcome."""
    connection.execute(FORGET_FINISHED)
