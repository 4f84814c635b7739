"""One notification at a time: what its rows say after a try, at a real receiver that behaves as it is told."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from app import runtime
from app.development.receiver import Receiver
from config import notifications
from config.settings import settings
from docrelay.database import transact
from docrelay.names import DeliveryStatus
from docrelay.transitions import deliveries, notify_service, receivers
from docrelay.transitions.deliveries import REPLAY_SECONDS, take_direct
from tasks import sending

Row = dict[str, object]


@pytest.fixture
def told(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator["Told"]:
    """This process as a sender of a service that has one receiver."""
    values = {
        "DATABASE_URL": url,
        "DELIVERY_ALLOW": "127.0.0.1",
        "WEBHOOK_SECRET": "master",
        "RETRY_SECONDS": "0.05",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"DOCRELAY_{name}", value)
    with Receiver() as receiver:
        forget()
        told = Told(runtime.engine(), receiver)
        yield told
        forget()
        told.engine.dispose()


def forget() -> None:
    """Read all settings anew."""
    if runtime.engine.cache_info().currsize:
        runtime.engine().dispose()
    for cached in (
        settings,
        runtime.engine,
        runtime.policy,
        notifications.notifications,
        sending.lanes,
        sending.surroundings,
    ):
        cached.cache_clear()


class Told:
    """Events that somebody is told of."""

    def __init__(self, engine: Engine, receiver: Receiver) -> None:
        self.engine = engine
        self.receiver = receiver

    def of(self, *targets: str, line: str = "line", event: str = "digest") -> list[uuid.UUID]:
        return transact(
            self.engine, lambda c: notify_service(c, event, {"message": "hello"}, targets=targets, line=line)
        )

    def send(self, *, now: bool = True) -> int:
        """Try what is due, or all that is pending; how many there were."""
        if now:
            self.sql("update deliveries set due_at = now() where status = 'pending'")
        rows = transact(self.engine, lambda c: take_direct(c, most=100, lease=60))
        for row in rows:
            sending.send(row, "tester")
        return len(rows)

    def sql(self, statement: str, **values: object) -> list[Row]:
        def work(connection: Connection) -> list[Row]:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

        return transact(self.engine, work)

    def row(self, delivery_id: uuid.UUID) -> Row:
        return self.sql("select *, due_at - now() as pause from deliveries where id = :id", id=delivery_id)[0]

    def attempts(self, delivery_id: uuid.UUID) -> list[Row]:
        return self.sql("select * from delivery_attempts where delivery_id = :id order by number", id=delivery_id)


def test_every_try_is_kept(told: Told) -> None:
    (made,) = told.of(told.receiver.url)
    told.receiver.behave((503, {}, b"we are closing"), (204, {}, b""))
    told.send()
    row = told.row(made)
    assert (row["status"], row["tries"], row["status_code"]) == ("pending", 1, 503)
    assert "answered 503: we are closing" in str(row["error"])
    told.send()
    assert (told.row(made)["status"], told.row(made)["error"]) == ("delivered", None)
    first, second = told.attempts(made)
    assert (first["number"], first["status_code"], first["answer"]) == (1, 503, "we are closing")
    assert (second["number"], second["status_code"], second["error"]) == (2, 204, None)
    assert all(0 < float(str(attempt["seconds"])) < 10 and attempt["sender"] == "tester" for attempt in (first, second))
    assert [request.id for request in told.receiver.requests] == [str(made)] * 2
    assert all(request.verified for request in told.receiver.requests)
    # What is sent is the same to the byte, so that whoever drops repeats may go by either.
    assert len({request.body for request in told.receiver.requests}) == 1


def test_retry_after_is_honoured_and_410_ends(told: Told) -> None:
    later, never = told.of(told.receiver.url, line="a") + told.of(told.receiver.at("/gone"), line="b")
    told.receiver.behave((429, {"retry-after": "120"}, b""), path="/")
    told.receiver.behave((410, {}, b"unsubscribed"), path="/gone")
    told.send()
    assert 110 < told.row(later)["pause"].total_seconds() < 121  # type: ignore[attr-defined]
    assert (told.row(never)["status"], told.row(never)["status_code"]) == ("failed", 410)
    assert told.send() == 1
    assert len(told.receiver.requests) == 2, "it asked to be left alone"


def test_it_is_given_up_when_its_day_is_over(told: Told) -> None:
    (made,) = told.of(told.receiver.url)
    told.receiver.behave((500, {}, b""))
    told.sql("update deliveries set created_at = now() - interval '24 hours 1 minute'")
    told.send()
    assert told.row(made)["status"] == "failed"


def test_the_last_try_is_at_the_end_of_the_day_not_after_it(told: Told) -> None:
    (made,) = told.of(told.receiver.url)
    told.receiver.behave((429, {"retry-after": "86400"}, b""))
    told.sql("update deliveries set created_at = now() - interval '23 hours 30 minutes'")
    told.send()
    assert 1700 < told.row(made)["pause"].total_seconds() < 1801  # type: ignore[attr-defined]


def test_replayed_with_its_id_and_for_another_day(told: Told) -> None:
    (made,) = told.of(told.receiver.url)
    told.receiver.behave((410, {}, b""), (204, {}, b""))
    told.send()
    assert transact(told.engine, lambda c: deliveries.replay(c, [made])) == [made]
    assert transact(told.engine, lambda c: deliveries.replay(c, [made])) == [], "it is on its way already"
    told.send()
    assert told.row(made)["status"] == "delivered"
    assert [attempt["number"] for attempt in told.attempts(made)] == [1, 2]
    assert len({request.id for request in told.receiver.requests}) == 1
    (left,) = told.sql("select extract(epoch from give_up_at - now()) as seconds from deliveries")
    assert abs(float(str(left["seconds"])) - REPLAY_SECONDS) < 60


def test_none_overtakes_another_of_its_line(told: Told) -> None:
    first, second = told.of(told.receiver.url, line="a") + told.of(told.receiver.url, line="a")
    (other,) = told.of(told.receiver.url, line="b")
    told.receiver.behave((500, {}, b""))
    told.send()
    assert [told.row(made)["tries"] for made in (first, second, other)] == [1, 0, 1]
    told.receiver.behave((204, {}, b""))
    while told.send():
        pass
    assert [request.id for request in told.receiver.requests if request.answered == 204] == [
        str(first),
        str(other),
        str(second),
    ]


def test_a_receiver_that_fails_is_left_alone_and_no_other_waits(told: Told) -> None:
    """After five failures in a row nobody knocks; one tries when the time is over, and opens it for all."""
    bad, good = told.receiver.at("/bad"), told.receiver.at("/good")
    told.receiver.behave((500, {}, b"broken"), path="/bad")
    waiting = [told.of(bad, line=str(number))[0] for number in range(receivers.TRIES_IN_A_ROW + 3)]
    told.send(now=False)
    assert len(told.receiver.requests) == receivers.TRIES_IN_A_ROW
    (state,) = told.sql("select failures, rests_until - now() as pause from receivers")
    assert state["failures"] == receivers.TRIES_IN_A_ROW
    assert 3 < state["pause"].total_seconds() < 6  # type: ignore[attr-defined]
    assert all(float(told.row(made)["pause"].total_seconds()) > 3 for made in waiting)  # type: ignore[attr-defined]
    assert [told.row(made)["tries"] for made in waiting[receivers.TRIES_IN_A_ROW :]] == [0] * 3, "not their fault"
    (elsewhere,) = told.of(good)
    assert told.send(now=False) == 1
    assert told.row(elsewhere)["status"] == "delivered"

    told.sql("update receivers set rests_until = now() - interval '1 second'")
    told.send()
    assert len(told.receiver.requests) == receivers.TRIES_IN_A_ROW + 2, "one tries for all"
    told.sql("update receivers set rests_until = now() - interval '1 second'")
    told.receiver.behave((204, {}, b""), path="/bad")
    told.send()
    assert {told.row(made)["status"] for made in waiting} == {"delivered"}
    assert told.sql("select failures, rests_until from receivers") == [{"failures": 0, "rests_until": None}]


def test_a_service_without_a_secret_keeps_what_it_has_to_send(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits until the operator has set one, and says so."""
    monkeypatch.delenv("DOCRELAY_WEBHOOK_SECRET")
    settings.cache_clear()
    (made,) = told.of(told.receiver.url)
    told.send()
    assert told.row(made)["status"] == DeliveryStatus.PENDING
    assert "DOCRELAY_WEBHOOK_SECRET" in str(told.row(made)["error"])


def test_a_target_with_a_name_keeps_its_url_and_secrets_out_of_the_rows(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = told.receiver.at("/token-of-the-partner")
    file = tmp_path / "notify.toml"
    file.write_text(f'[targets.partner]\nurl = "{hidden}"\nsecrets = ["env:PARTNER_SECRET"]\n')
    monkeypatch.setenv("PARTNER_SECRET", "whsec_" + "c2VjcmV0" * 4)
    monkeypatch.setenv("DOCRELAY_NOTIFY_FILE", str(file))
    forget()
    told.receiver.trust("/token-of-the-partner", "whsec_" + "c2VjcmV0" * 4)
    made, unknown = told.of("@partner") + told.of("@nobody", line="x")
    told.send()
    assert told.row(made)["status"] == "delivered"
    assert told.receiver.requests[-1].verified
    assert "No target is called @nobody" in str(told.row(unknown)["error"])
    everything = str([told.sql(f"select * from {table}") for table in ("deliveries", "delivery_attempts", "receivers")])
    assert "token-of-the-partner" not in everything
    assert "c2VjcmV0" not in everything
