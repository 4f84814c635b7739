"""Looking at a running service from outside."""

import time
from collections.abc import Callable
from typing import Any

import psycopg


def ask(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a query of its database."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode(), values or None).fetchall()


def wait_until(happened: Callable[[], bool], seconds: float) -> None:
    """Wait for something, and fail if it does not happen."""
    give_up = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.05)
