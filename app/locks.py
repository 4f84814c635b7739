"""Postgres' advisory locks of the service: which of several processes does what only one should."""

from enum import IntEnum, unique


@unique
class Lock(IntEnum):
    """The keys, in one place: two jobs with the same one would keep each other out, and nobody would be told."""

    MIGRATE = 4_711_001  # several at one moment: one works and the others wait
    SWEEP = 4_711_002  # of several dispatchers, one sweeps at a time
    ALERTS = 4_711_003  # of several dispatchers, one looks for what to tell
    REBUILD = 4_711_004  # of several dispatchers, one rebuilds the index
    BEAT = 4_711_005  # of several Beats, one leads
