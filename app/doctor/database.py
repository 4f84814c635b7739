"""Postgres: there, migrated, with connections left, and of the same time as this host."""

import time
from collections.abc import Iterator

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from app.doctor.findings import Finding, Verdict, finding
from app.migrations import alembic_config

FEWEST_CONNECTIONS = 10
MOST_SKEW_SECONDS = 2.0


def schema(connection: Connection) -> Iterator[Finding]:
    """Whether the tables are those of this version."""
    current = MigrationContext.configure(connection).get_current_revision()
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    if current != newest:
        found = f"the tables are at {current or 'nothing'}, this version needs {newest}"
        yield Finding("schema", Verdict.FAILED, found, "run `python -m app migrate`")
        return
    yield Finding("schema", Verdict.OK, f"revision {current}")
    version = connection.scalar(text("select extversion from pg_extension where extname = 'vector'"))
    yield Finding("pgvector", Verdict.OK, f"version {version}")


CONNECTIONS = text(
    """
    select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
             - coalesce(current_setting('reserved_connections', true), '0')::int as allowed,
           (select sum(numbackends)::int from pg_stat_database) as used
    """
)


def connections(connection: Connection) -> Finding:
    """How many more connections there may be."""
    allowed, used = connection.execute(CONNECTIONS).one()
    remedy = "raise max_connections of Postgres, or start fewer workers and clients"
    left = allowed - used
    found = f"{left} of {allowed} left"
    return finding("connections", found, remedy, bad=left < FEWEST_CONNECTIONS, verdict=Verdict.WARNING)


def clock(connection: Connection) -> Finding:
    """Whether this host and Postgres agree what time it is."""
    before = time.time()
    theirs = float(connection.execute(text("select extract(epoch from clock_timestamp())")).scalar_one())
    return skew(theirs - (before + time.time()) / 2)


def skew(seconds: float) -> Finding:
    """What a difference of so many seconds between Postgres and this host means."""
    found = f"Postgres is {abs(seconds):.1f} s {'ahead of' if seconds > 0 else 'behind'} this host"
    remedy = "let both hosts keep time by NTP; leases are safe, Postgres's clock alone decides, but logs mislead"
    return finding("clock", found, remedy, bad=abs(seconds) > MOST_SKEW_SECONDS, verdict=Verdict.WARNING)
