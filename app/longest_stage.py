"""The longest that a worker may hold a message."""

from sqlalchemy import Connection, text

LONGEST_STAGE = text("select max((stage ->> 'seconds')::float) from pipelines, jsonb_array_elements(stages) stage")


def longest_stage(connection: Connection) -> float | None:
    """The longest limit of a stage of any pipeline, in seconds; None if there are no pipelines."""
    seconds: float | None = connection.scalar(LONGEST_STAGE)
    return seconds
