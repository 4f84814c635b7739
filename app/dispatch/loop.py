"""The dispatcher: woken by NOTIFY, it announces what is ready and sweeps. Any number may run."""

import importlib
import logging
import time
from typing import Any

from app.alerts import COURIER, AlertWatch
from app.brokers.publisher import Publisher
from app.celery import app
from app.dispatch.announce import PLAN_ONCE, Announcer
from app.dispatch.pace import IDLE_SECONDS, BackOff, Pace
from app.dispatch.sweep import Sweep
from app.errors import BrokerUnavailable
from app.presence import Presence
from app.runtime import Stopping, database_url, engine, policy
from config.notifications import notifications
from config.settings import Settings
from docrelay import transitions
from docrelay.changes import Listener
from docrelay.database import make_engine, transact
from docrelay.errors import Unavailable
from docrelay.names import Channel

log = logging.getLogger(__name__)

HELD_SECONDS = 0.5
"""Look for held jobs that are due this often, however busy it is."""

TROUBLE_SECONDS = 1.0

REBUILDER = "tasks.rebuild"
"""Named, not imported: it knows models and chunks, which the service does not."""

COURIER_SECONDS = 5.0
"""What is on its way may arrive when we are told to stop; else it is sent again, with the same id."""


class Dispatcher:
    """Runs until it is told to stop."""

    def __init__(self, settings: Settings, stopping: Stopping) -> None:
        """Build it; connects on `run`."""
        self._stopping = stopping
        self._settings = settings
        self._sweep_seconds = settings.sweep_seconds
        self._publisher = Publisher(app)
        announcing = make_engine(
            database_url(), pool_size=1, application="docrelay service", ping=False, options=PLAN_ONCE
        )
        self._announcer = Announcer(announcing, self._publisher, again_seconds=settings.announce_again_seconds)
        self._sweep = Sweep(engine(), self._publisher, policy())
        self._next_sweep = 0.0
        self._pace = Pace()
        self._next_release = 0.0
        self._broker = BackOff()

    def run(self) -> None:
        """Announce and sweep until told to stop; outages are waited out."""
        presence = Presence("dispatcher")
        presence.start()
        carrying: Any = importlib.import_module(COURIER)
        courier = carrying.Courier(self._stopping, "dispatcher")
        courier.start()
        rebuilding: Any = importlib.import_module(REBUILDER)
        rebuilding.Rebuilder(self._stopping).start()
        AlertWatch(
            self._settings,
            notifications(),
            self._stopping,
            broker_trouble=lambda: self._sweep.broker_trouble or self._announcer.trouble,
            send_directly=carrying.send_directly,
        ).start()
        try:
            with self._publisher, Listener(database_url(), Channel.READY, patient=True) as listener:
                log.info("dispatching")
                while not self._stopping.asked.is_set():
                    self._step()
                    self._stopping.asked.wait(self._pace.rest)
                    if listener.wait(max(0.0, self._pace.wait - self._pace.rest)):
                        self._pace.called()
        finally:
            courier.join(COURIER_SECONDS)
            presence.stop()

    def _step(self) -> None:
        """Do what is due."""
        try:
            if time.monotonic() >= self._next_sweep:
                self._next_sweep = time.monotonic() + self._sweep_seconds
                self._sweep.run()
            self._release_held()
            self._announce()
        except Unavailable as error:
            log.warning("%s", error)
            self._pace.pause(TROUBLE_SECONDS)
        except Exception:
            # A dispatcher that dies of one bad row stops everybody's documents.
            log.exception("a round of dispatching failed")
            self._pace.pause(TROUBLE_SECONDS)

    def _release_held(self) -> None:
        if time.monotonic() < self._next_release:
            return
        self._next_release = time.monotonic() + HELD_SECONDS
        transact(engine(), transitions.release_held)

    def _announce(self) -> None:
        if time.monotonic() < self._broker.again:
            self._pace.pause(IDLE_SECONDS)
            return
        try:
            announced = self._announcer.round()
        except BrokerUnavailable as error:
            self._broker.failed(time.monotonic())
            log.warning("%s; again in %g s, nothing is lost", error, self._broker.seconds)
            self._pace.pause(IDLE_SECONDS)
            return
        self._broker.went_well()
        self._pace.after(announced.sent, backlog=announced.backlog)
