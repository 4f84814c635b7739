"""Postgres' advisory locks of the service: which of several processes does what only one should."""

from enum import IntEnum, unique

from sqlalchemy import Connection, text


@unique
class Lock(IntEnum):
    """The keys, in one place: two jobs with the same one would keep each other out, and nobody would be told."""

    MIGRATE = 4_711_001  # several at one moment: one works and the others wait
    SWEEP = 4_711_002  # of several dispatchers, one sweeps at a time
    ALERTS = 4_711_003  # of several dispatchers and Beats, one looks for what to tell
    REBUILD = 4_711_004  # of several dispatchers, one rebuilds the index
    BEAT = 4_711_005  # of several Beats, one leads


LET_GO_MILLISECONDS = 3000
"""Who is cut off or frozen in the middle of its turn must not keep the others from theirs for a minute."""

LET_GO = text("select set_config('idle_in_transaction_session_timeout', :milliseconds, true)")
TAKE = text("select pg_try_advisory_xact_lock(:lock)")


def take(connection: Connection, lock: Lock) -> bool:
    """Whether the lock is ours until this transaction ends, which it has to within seconds."""
    connection.execute(LET_GO, {"milliseconds": str(LET_GO_MILLISECONDS)})
    return bool(connection.scalar(TAKE, {"lock": lock}))
