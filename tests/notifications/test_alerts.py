"""Every alert, provoked on real rows and processes, arrives at a real receiver, and is told to be over."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from app import alerts
from app.alerts.keeping import keep, matches
from app.alerts.rules import Alarm, disks
from app.development.receiver import Receiver
from app.presence import Presence
from app.runtime import Stopping
from chaos.proxy import Proxy
from config.notifications import Notifications, Subscription, read
from config.settings import settings
from docrelay.database import make_engine, transact
from docrelay.errors import ConfigError
from docrelay.names import ErrorClass, Queue
from tasks.courier import Courier, send_directly
from tests.notifications.test_sending import forget
from tests.transitions.service import Service

GRACE = 0.3


class Watched:
    """A service that is watched by this process, and what was heard of it."""

    def __init__(self, url: str, receiver: Receiver, service: Service) -> None:
        self.url = url
        self.receiver = receiver
        self.service = service
        self.limits = replace(
            Notifications().alerts, grace_seconds=GRACE, oldest_seconds=0.5, failure_jobs=3, retries_per_minute=0.5
        )

    @contextmanager
    def watching(self, **limits: Any) -> Iterator[None]:
        """With a dispatcher's threads."""
        told = (Subscription("alert.*", "", self.receiver.url),)
        wanted = Notifications({}, told, replace(self.limits, **limits))
        self.service.sql(
            "insert into subscriptions values ('alert.*', '', :target) on conflict do nothing", target=self.receiver.url
        )
        stopping = Stopping()
        courier = Courier(stopping, "dispatcher")
        watch = alerts.AlertWatch(
            settings(), wanted, stopping, broker_trouble=lambda: None, send_directly=send_directly
        )
        courier.start()
        watch.start()
        try:
            yield
        finally:
            stopping.asked.set()
            courier.join(15)
            watch.join(15)

    def heard(self, rule: str, subject: str = "") -> list[str]:
        """The states that were told of one alarm."""
        told = [request.payload for request in self.receiver.requests if request.payload["type"] == f"alert.{rule}"]
        return [payload["data"]["state"] for payload in told if payload["data"]["subject"] == subject]

    def until(self, rule: str, state: str, subject: str = "", seconds: float = 20) -> dict[str, Any]:
        """Wait until this is heard; its data."""
        deadline = time.monotonic() + seconds
        while state not in self.heard(rule, subject):
            assert time.monotonic() < deadline, f"{rule} {subject} was not {state}: {self.heard(rule, subject)}"
            time.sleep(0.05)
        assert all(request.verified for request in self.receiver.requests)
        return next(
            request.payload["data"]
            for request in reversed(self.receiver.requests)
            if request.payload["data"].get("rule") == rule and request.payload["data"]["state"] == state
        )


@pytest.fixture
def watched(url: str, service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    values = {"DATABASE_URL": url, "DELIVERY_ALLOW": "127.0.0.1", "WEBHOOK_SECRET": "master", "RETRY_SECONDS": "0.05"}
    for name, value in values.items():
        monkeypatch.setenv(f"DOCRELAY_{name}", value)
    with Receiver() as receiver:
        forget()
        yield Watched(url, receiver, service)
        forget()


def _queue(watched: Watched) -> Callable[[], None]:
    """No worker, then one."""

    def mend() -> None:
        presence = Presence("worker", queue=Queue.PARSE)
        presence.start()
        time.sleep(3 * GRACE)
        watched.until("queue.no_worker", "cleared", Queue.PARSE)
        presence.stop()

    return mend


def _silent(role: str) -> Callable[[Watched], Callable[[], None]]:
    """None of these, then one."""

    def provoke(watched: Watched) -> Callable[[], None]:
        def mend() -> None:
            presence = Presence(role)
            presence.start()
            watched.until(f"{role}.silent", "cleared")
            presence.stop()

        return mend

    return provoke


def _slow(watched: Watched) -> Callable[[], None]:
    """A document that nobody reads."""
    job = watched.service.submit()
    return lambda: watched.service.finish(job)


def _failing(watched: Watched) -> Callable[[], None]:
    """Three documents fail; then many do not."""
    for _ in range(3):
        watched.service.fail(watched.service.claim(watched.service.submit()), ErrorClass.PERMANENT)

    def mend() -> None:
        for _ in range(13):
            watched.service.finish(watched.service.submit(pipeline="extract"))

    return mend


def _quarantine(watched: Watched) -> Callable[[], None]:
    """A document brings its process down twice; then an hour goes by."""
    job = watched.service.submit()
    for _ in range(2):
        watched.service.fail(watched.service.claim(job), ErrorClass.POISON)
    assert watched.service.status(job) == "quarantined"
    return lambda: _age(watched)


def _retries(watched: Watched) -> Callable[[], None]:
    """The same stages again and again; then five minutes go by."""
    for _ in range(4):
        watched.service.fail(watched.service.claim(watched.service.submit()), ErrorClass.TRANSIENT)
    return lambda: _age(watched)


def _age(watched: Watched) -> None:
    watched.service.sql("update events set at = at - interval '2 hours'")


def _missed(watched: Watched) -> Callable[[], None]:
    """A recurring job did not run; then six hours go by."""
    watched.service.sql(
        "insert into schedule_runs (id, entry, due_at, outcome) values (gen_random_uuid(), 'nightly', now(), 'missed')"
    )
    return lambda: _forget_runs(watched)


def _forget_runs(watched: Watched) -> None:
    watched.service.sql("update schedule_runs set due_at = due_at - interval '7 hours'")


def _refused(watched: Watched) -> Callable[[], None]:
    """Somebody's receiver refuses for an hour, then takes it."""
    target = watched.receiver.at("/refusing")
    watched.receiver.behave((500, {}, b""), path="/refusing")
    job = watched.service.submit(notify=[target])
    watched.service.cancel(job)
    watched.service.sql("update deliveries set created_at = now() - interval '2 hours', tries = 3, direct = true")
    return lambda: _accept(watched)


def _accept(watched: Watched) -> None:
    watched.receiver.behave((204, {}, b""), path="/refusing")
    watched.service.sql("update receivers set rests_until = null")
    watched.service.sql("update deliveries set due_at = now() where status = 'pending'")


@pytest.mark.parametrize(
    ("rule", "subject", "provoke"),
    [
        ("queue.no_worker", "docrelay.parse", _queue),
        ("beat.silent", "", _silent("beat")),
        ("dispatcher.silent", "", _silent("dispatcher")),
        ("queue.slow", "docrelay.parse", _slow),
        ("jobs.failing", "", _failing),
        ("quarantine.grew", "", _quarantine),
        ("retries.climbing", "", _retries),
        ("schedule.missed", "nightly", _missed),
        ("delivery.refused", "/refusing", _refused),
    ],
)
def test_every_rule_fires_once_and_is_over(
    watched: Watched, rule: str, subject: str, provoke: Callable[[Watched], Callable[[], None]]
) -> None:
    subject = watched.receiver.at(subject) if subject.startswith("/") else subject
    mend = provoke(watched)
    with watched.watching():
        data = watched.until(rule, "fired", subject)
        assert data["message"]
        assert data["remedy"]
        time.sleep(4 * GRACE)
        assert watched.heard(rule, subject) == ["fired"], "once, however long it lasts"
        mend()
        watched.until(rule, "cleared", subject)
    assert watched.heard(rule, subject) == ["fired", "cleared"]


def test_a_full_disk(watched: Watched) -> None:
    with watched.watching(disk_percent=100):
        (alarm,) = disks(settings(), replace(watched.limits, disk_percent=100))
        watched.until("disk.low", "fired", alarm.subject)
    with watched.watching(disk_percent=0):  # whatever this machine's disk has left
        watched.until("disk.low", "cleared", alarm.subject)


def test_it_is_repeated_as_long_as_it_lasts(watched: Watched) -> None:
    with watched.watching(repeat_minutes=0.5 / 60):
        watched.until("beat.silent", "repeated")


def test_a_database_that_is_away_is_told_without_it(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Straight from memory to the channel; and so is its return."""
    port = urlsplit(watched.url).port
    assert port
    with Proxy(port) as proxy:
        monkeypatch.setenv("DOCRELAY_DATABASE_URL", watched.url.replace(f":{port}/", f":{proxy.port}/"))
        forget()
        with watched.watching():
            watched.until("beat.silent", "fired")
            with proxy.away():
                data = watched.until("database.unreachable", "fired", seconds=40)
                assert "start it" in data["remedy"]
            watched.until("database.unreachable", "cleared", seconds=40)
    assert watched.heard("database.unreachable") == ["fired", "cleared"]


def test_what_is_silenced_is_not_told(watched: Watched) -> None:
    transact(watched.service.engine, lambda c: alerts.silence(c, "queue.*", 60, "moving house"))
    with watched.watching():
        watched.until("beat.silent", "fired")
        time.sleep(2 * GRACE)
        assert watched.heard("queue.no_worker", "docrelay.parse") == []
        transact(watched.service.engine, lambda c: alerts.silence(c, "queue.*", 0, ""))
        watched.until("queue.no_worker", "fired", "docrelay.parse")


def test_a_moment_is_no_alarm(watched: Watched) -> None:
    """A worker that is restarted, say; nor is what comes back within that time over."""
    rows = [Alarm("beat.silent", "", "found", "remedy")]
    limits = replace(watched.limits, grace_seconds=30)
    engine = make_engine(watched.url)
    assert transact(engine, lambda c: keep(c, rows, limits)) == []
    assert transact(engine, lambda c: keep(c, [], limits)) == []
    watched.service.sql("update alerts set since = now() - interval '40 seconds'")
    assert transact(engine, lambda c: keep(c, rows, limits)) == ["fired: found"]
    assert transact(engine, lambda c: keep(c, [], limits)) == []
    watched.service.sql("update alerts set seen_at = now() - interval '40 seconds'")
    assert transact(engine, lambda c: keep(c, [], limits)) == ["cleared: found"]
    engine.dispose()


@pytest.mark.parametrize(
    ("pattern", "silent"),
    [
        ("queue.no_worker", True),
        ("queue.*", True),
        ("*", True),
        ("queue.no_worker:docrelay.parse", True),
        ("queue.*:*.parse", True),
        ("queue.no_worker:docrelay.notify", False),
        ("queue", False),
    ],
)
def test_patterns_of_silences(pattern: str, silent: bool) -> None:
    assert matches(pattern, "queue.no_worker", "docrelay.parse") is silent


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[alerts]\nrepeat_minutes = 0", "repeat_minutes = 0: expected a number above 0"),
        ("[alerts]\nloudness = 1", "unknown loudness"),
        ('[[tell]]\nevents = ["job.failed"]\ntargets = ["@nobody"]', "'@nobody': expected an http"),
        ('[[tell]]\nevents = ["jobs"]\ntargets = ["https://a.example/"]', "events = 'jobs': expected such as"),
        ('[targets.ops]\nurl = "env:NO_SUCH_VARIABLE"', "the variable NO_SUCH_VARIABLE is not set"),
        ("[targets.ops]\nuri = 1", "unknown uri; known: secrets, url"),
        ("[", "DOCRELAY_NOTIFY_FILE="),
    ],
)
def test_a_wrong_file_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "notify.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(file)
    assert words in str(caught.value)
