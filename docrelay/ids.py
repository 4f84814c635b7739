"""Ids: UUIDv7, made by whoever makes the row, so that they sort by time and need no round trip."""

import uuid

from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """A new UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then a counter and random bits."""
    return uuid7()
