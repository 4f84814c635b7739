"""Notifications sent in the background."""

from contextlib import closing

from sqlalchemy import Engine

from app.telling import Teller
from docrelay.changes import Listener
from docrelay.names import Channel


def _heard(listener: Listener, last: str) -> list[str]:
    heard: list[str] = []
    for _ in range(100):
        heard += [payload for _, payload in listener.wait(0.1)]
        if last in heard:
            return heard
    raise AssertionError(heard)


def test_what_is_told_is_heard_once_for_a_moment(url: str, engine: Engine) -> None:
    with Listener(url, Channel.JOB) as listener, closing(Teller(engine)) as teller:
        teller.tell([(Channel.JOB.value, "first")])
        assert _heard(listener, "first") == ["first"]
        for _ in range(500):
            teller.tell([(Channel.JOB.value, "same")])
        teller.tell([(Channel.JOB.value, "last")])
        heard = _heard(listener, "last")
        assert 1 <= heard.count("same") < 250


def test_a_database_that_is_away_silences_nobody_for_ever(url: str, engine: Engine) -> None:
    with Listener(url, Channel.JOB) as listener, closing(Teller(engine)) as teller:
        teller.tell([(Channel.JOB.value, "before")])
        assert _heard(listener, "before") == ["before"]
        with engine.connect() as connection, connection.begin():
            ended = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'docrelay test'"
            connection.exec_driver_sql(f"{ended} and pid <> pg_backend_pid()")
        teller.tell([(Channel.JOB.value, "lost with its connection")])
        for _ in range(20):
            teller.tell([(Channel.JOB.value, "after")])
            if [payload for _, payload in listener.wait(0.2)].count("after"):
                return
    raise AssertionError("nothing was told any more")


def test_what_waits_when_it_is_closed_is_still_told(url: str, engine: Engine) -> None:
    with Listener(url, Channel.JOB) as listener:
        with closing(Teller(engine)) as teller:
            for number in range(20):
                teller.tell([(Channel.JOB.value, str(number))])
        assert set(map(str, range(20))) <= set(_heard(listener, "19"))
