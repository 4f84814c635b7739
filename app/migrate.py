"""Bringing database and broker to what this version needs; safe to run again, and by several at once."""

import importlib
from typing import Any

from sqlalchemy import Connection, delete, insert

from app import migrations
from app.brokers import topology
from app.brokers.address import broker_url
from app.longest_stage import longest_stage
from app.runtime import database_url
from config.notifications import read
from config.settings import Settings
from docrelay.database import make_engine, transact
from docrelay.tables import Subscription

REGISTRY = "tasks.registry"
"""Named, not imported: it knows the pipelines, which the service does not."""


def migrate(settings: Settings) -> list[str]:
    """Create or upgrade tables, register the pipelines, declare queues; what was done, line by line.

    Raises:
        Unavailable: the database cannot be reached.
        BrokerUnavailable: the broker cannot.
        ConfigError: a queue is declared otherwise; says what to do.
    """
    url = settings.database_url or database_url()
    migrations.upgrade(url)
    registry: Any = importlib.import_module(REGISTRY)
    engine = make_engine(url, application="docrelay migrate")

    def register(connection: Connection) -> tuple[list[str], float | None]:
        names: list[str] = registry.register(connection, settings)
        _subscribe(connection, settings)
        return names, longest_stage(connection)

    try:
        pipelines, longest = transact(engine, register)
    finally:
        engine.dispose()
    return [
        "tables are up to date",
        f"pipelines: {', '.join(sorted(pipelines))}",
        *topology.declare(broker_url(settings), settings.broker_api_url, longest),
    ]


def _subscribe(connection: Connection, settings: Settings) -> None:
    """Write who is told what: whoever closes a job reads it there, clients too, who have no such settings."""
    told = read(settings.notify_file).tell if settings.notify_file else ()
    connection.execute(delete(Subscription))
    if told:
        rows = [{"event": each.event, "collection": each.collection, "target": each.target} for each in told]
        connection.execute(insert(Subscription), rows)
