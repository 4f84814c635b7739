"""The schema, by Alembic: `upgrade` brings a database to what `docrelay.tables` says."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from app.locks import Lock
from docrelay.database import CONNECT, psycopg_url


def alembic_config() -> Config:
    """Alembic's configuration, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(url: str) -> None:
    """Create or upgrade the tables; nothing to do is fine, and so is running it twice at once."""
    engine = create_engine(psycopg_url(url), connect_args=CONNECT)
    config = alembic_config()
    try:
        with engine.connect() as connection:
            connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": Lock.MIGRATE})
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": Lock.MIGRATE})
            connection.commit()
    finally:
        engine.dispose()
