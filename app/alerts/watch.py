"""The thread that checks the rules, and tells of the database's absence by itself."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.alerts.keeping import facts, keep
from app.alerts.rules import RULES, Alarm, broker_down, disks
from app.locks import Lock, take
from app.runtime import Stopping, engine
from config.notifications import AlertLimits, Notifications
from config.settings import Settings
from docrelay.database import may_pass, transact
from docrelay.errors import DocrelayError, Unavailable

log = logging.getLogger(__name__)

MOST_SECONDS = 10.0
PATIENCE_SECONDS = 3.0

SendDirectly = Callable[[str, str, dict[str, Any]], str | None]
"""Sends an event with its data to a target here and now; why it could not, or None."""


class AlertWatch:
    """Checks until told to stop."""

    def __init__(
        self,
        settings: Settings,
        notifications: Notifications,
        stopping: Stopping,
        *,
        broker_trouble: Callable[[], str | None] = lambda: None,
        send_directly: SendDirectly | None = None,
    ) -> None:
        """Watch with these limits.

        Args:
            broker_trouble: says what is known of the broker here.
            send_directly: without it, the database's absence is not told.
        """
        self._settings = settings
        self._limits = notifications.alerts
        self._stopping = stopping
        self._broker_trouble = broker_trouble
        self._absence = Absence(notifications, send_directly) if send_directly else None
        self._every = min(MOST_SECONDS, max(0.2, self._limits.grace_seconds / 3))
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for the check under way."""
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping.asked.wait(self._every):
            try:
                self._check()
            except Exception:
                log.exception("alerts were not checked")

    def _check(self) -> None:
        try:
            for said in transact(engine(), self._keep, patience=PATIENCE_SECONDS):
                log.warning("alert %s", said)
        except Unavailable as error:
            if self._absence:
                self._absence.lasts(str(error))
        else:
            if self._absence:
                self._absence.over()

    def _keep(self, connection: Connection) -> list[str]:
        if not take(connection, Lock.ALERTS):
            return []
        return keep(connection, self._alarms(connection), self._limits)

    def _alarms(self, connection: Connection) -> Iterator[Alarm]:
        yield from broker_down(self._broker_trouble())
        yield from disks(self._settings, self._limits)
        for rule in RULES:
            # Collected within its own savepoint: a rule that cannot be checked must not hide the others.
            try:
                with connection.begin_nested():
                    alarms = list(rule(connection, self._limits))
            except DBAPIError as error:
                if may_pass(error):
                    raise
                log.warning("the rule %s cannot be checked: %s", rule.__name__, error)
                continue
            yield from alarms


class Absence:
    """The database cannot be reached: no row can say so, so it is told from memory, straight to the channels."""

    RULE = "database.unreachable"

    def __init__(self, notifications: Notifications, send_directly: SendDirectly) -> None:
        """Tell whoever is subscribed to it."""
        self._limits: AlertLimits = notifications.alerts
        self._targets: Sequence[str] = _subscribed(notifications, f"alert.{self.RULE}")
        self._send = send_directly
        self._since: datetime | None = None
        self._told: dict[str, float] = {}

    def lasts(self, why: str) -> None:
        """It is away; tell if it has been for long enough, and again after a while."""
        self._since = self._since or datetime.now(UTC)
        if (datetime.now(UTC) - self._since).total_seconds() < self._limits.grace_seconds:
            return
        remedy = f"start it, or correct DOCRELAY_DATABASE_URL ({why})"
        for target in self._targets:
            last = self._told.get(target)
            if last is None or time.monotonic() - last > self._limits.repeat_minutes * 60:
                self._tell(target, remedy, "fired" if last is None else "repeated")

    def over(self) -> None:
        """It is back: tell those who were told."""
        if self._since is None:
            return
        for target in list(self._told):
            self._tell(target, "", "cleared")
        if not self._told:
            self._since = None

    def _tell(self, target: str, remedy: str, state: str) -> None:
        assert self._since is not None
        found = "The database cannot be reached: nothing is accepted, nothing runs"
        try:
            why = self._send(target, f"alert.{self.RULE}", facts(self.RULE, "", found, remedy, state, self._since))
        except DocrelayError as error:
            why = str(error)
        if why is not None:
            log.warning("alert %s not told to %s: %s", state, target.partition("?")[0], why)
        elif state == "cleared":
            del self._told[target]
        else:
            self._told[target] = time.monotonic()


def _subscribed(notifications: Notifications, event: str) -> list[str]:
    patterns = {event, "alert.*", "*"}
    return list(dict.fromkeys(each.target for each in notifications.tell if each.event in patterns))
