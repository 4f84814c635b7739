"""The wall clock of the second host, which can be wrong."""

import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery

from chaos.machine import command
from chaos.target import NotInjected, Target
from config.celery import celery_settings

SOURCE = Path(__file__).with_name("clock.c")
HOUR = 3600
TOLERANCE = 60.0


class Clock:
    """What is added to the time that processes with this environment see."""

    def __init__(self, folder: Path) -> None:
        """Build what is preloaded into them; the clock is right at first.

        Raises:
            NotPossible: there is no C compiler.
        """
        library, self._file = folder / "clock.so", folder / "clock"
        command("clock", "cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl")
        self._set(0)
        self.environment = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(self._file)}

    @contextmanager
    def wrong(self, seconds: int) -> Iterator[None]:
        """Be so many seconds ahead, or behind, until the block ends."""
        self._set(seconds)
        try:
            yield
        finally:
            self._set(0)

    def _set(self, seconds: int) -> None:
        # In place: the processes have mapped this very file.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))


def wrong_clock(target: Target, sign: int) -> str:
    """The second host's clock is an hour off while it works; only the database's clock may decide anything."""
    host = target.second_host
    with host.clock.wrong(sign * HOUR):
        off = _told_time(target)
        if abs(off - sign * HOUR) > TOLERANCE:
            raise NotInjected(f"its workers said a time that is {off:.0f} s off")
        begun = target.rows("select now()")[0][0]
        pids = host.pids(target.stack)
        look = "select count(*) from attempts where pid = any(%s) and started_at >= %s"
        attempts = target.fed_until(
            lambda: target.rows(look, pids, begun)[0][0], 30, "it began no stage with a wrong clock"
        )
        time.sleep(target.dice.uniform(0, target.timing.outage))
    return f"its workers' heartbeats were {off:+.0f} s off, and it began {attempts} stages by the database's time"


def _told_time(target: Target) -> float:
    """How far the clock of a worker of the second host is off, by the heartbeats that it sends."""
    celery = Celery("chaos", set_as_current=False)
    celery.conf.update(celery_settings(), broker_url=target.rabbitmq.url)
    offsets: list[float] = []

    def heard(event: dict[str, object]) -> None:
        if str(event.get("hostname", "")).split("@")[0].endswith("-2"):
            offsets.append(float(str(event["timestamp"])) - time.time())

    with celery.connection_for_read() as connection:
        receiver = celery.events.Receiver(connection, handlers={"worker-heartbeat": heard})
        give_up = time.monotonic() + 30
        for _ in receiver.itercapture(limit=None, timeout=30, wakeup=True):
            # The first may have been sent before the clock was changed.
            if len(offsets) > 2 or time.monotonic() > give_up:
                break
    if len(offsets) < 2:
        raise NotInjected("no heartbeat of the second host was heard")
    return offsets[-1]
