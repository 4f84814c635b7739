"""The time that Beats see: theirs is the database's, so their sessions get another `now()`."""

from datetime import datetime

import psycopg
from sqlalchemy import Engine, event

# As the real one, it stands still within a transaction.
INSTALL = """
create schema simulated;
create table simulated.clock (at timestamptz not null);
create function simulated.now() returns timestamptz language plpgsql as $$
declare
    seen text := current_setting('simulated.now', true);
begin
    if coalesce(seen, '') = '' then
        seen := (select at::text from simulated.clock);
        perform set_config('simulated.now', seen, true);
    end if;
    return seen::timestamptz;
end $$;
"""


def live_by_it() -> None:
    """Have all sessions of this process see that time. Those of dispatcher and workers go by the true one."""

    def use(connection: "psycopg.Connection[tuple[float, ...]]", _: object) -> None:
        connection.execute("set search_path = simulated, pg_catalog, public")
        connection.commit()

    event.listen(Engine, "connect", use)


class Clock:
    """Set by hand; stands still meanwhile."""

    def __init__(self, database_url: str, at: datetime) -> None:
        """Install it in a database of our own."""
        self.at = at
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(INSTALL)
            connection.execute("insert into simulated.clock values (%s)", [at])

    def set(self, connection: "psycopg.Connection[tuple[float, ...]]", at: datetime) -> None:
        """It is this time now."""
        connection.execute("update simulated.clock set at = %s", [at])
        self.at = at
