"""The sweep's own transaction."""

from typing import cast

from sqlalchemy import Engine, text

from app.brokers.publisher import Publisher
from app.dispatch.sweep import Sweep
from docrelay.transitions import Policy


def test_a_dispatcher_that_is_cut_off_lets_the_others_sweep(engine: Engine) -> None:
    """Postgres ends its transaction, and with it the lock, seconds after it has fallen silent."""
    sweep = Sweep(engine, cast("Publisher", None), Policy())
    with engine.connect() as connection:
        sweep._rows(connection)
        assert connection.scalar(text("show idle_in_transaction_session_timeout")) == "3s"
    with engine.connect() as connection:
        assert connection.scalar(text("show idle_in_transaction_session_timeout")) == "1min"
