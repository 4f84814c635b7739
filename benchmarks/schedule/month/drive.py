"""From one due time to the next: what Beats have to do is waited for in real time, all else is skipped."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import psycopg

from benchmarks.schedule.month.beats import Beats
from benchmarks.schedule.month.clock import Clock
from benchmarks.schedule.month.entries import ENTRIES, HELD, PAUSED
from benchmarks.schedule.month.judge import Outage
from benchmarks.schedule.month.mishaps import Chance, Mishap
from benchmarks.service import TooSlow

PATIENCE = 90.0
"""Real seconds within which living Beats have done what is due, also when a frozen one has to be deposed first."""

LOOK_SECONDS = 0.01
GOOD = "".join(entry.toml() for entry in ENTRIES)

HANDLED = "select count(*) from schedule_entries where present and next_at > %s"
PRESENT = "select count(*) from schedule_entries where present"
IDLE = "select count(*) from schedule_runs where outcome is null"
LEADER = "select split_part(leader, ':', -1)::int from schedule_state"


class Drive:
    """One simulation under way."""

    def __init__(
        self, database_url: str, clock: Clock, beats: Beats, chance: Chance, file: Path, environment: Mapping[str, str]
    ) -> None:
        """Drive these Beats by this clock."""
        self._url = database_url
        self._clock, self._beats, self._chance, self._file = clock, beats, chance, file
        self._environment = environment
        self._connection: psycopg.Connection[tuple[float, ...]] = psycopg.connect(database_url, autocommit=True)
        self._back_at: dict[int, datetime] = {}
        self._outage: tuple[datetime, datetime] | None = None
        self._mend_at: datetime | None = None
        self.outages: list[Outage] = []

    def begin(self, at: datetime) -> None:
        """Let the entries begin at a time."""
        self._set(at)
        self._file.write_text(GOOD)
        for number in self._beats.down:
            self._beats.start(number)
        self._until("the entries are read", lambda: self._handled() == len(ENTRIES))

    def step(self, due: datetime) -> None:
        """Go on to a due time, with whatever happens meanwhile."""
        at = due + self._chance.late()
        mishap = None if self._outage else self._chance.next()
        if mishap:
            self._before(mishap, at)
        self._set(at)
        if self._outage and at < self._outage[1]:
            return
        self._recover(at)
        if mishap is Mishap.KILL_LEADER:
            # At any moment of its round.
            time.sleep(self._chance.random.uniform(0, 0.06))
            self._hit(self._beats.kill, at)
        self._until(f"what is due at {due} is done", self._all_handled)
        if self._chance.random.random() < 0.9:
            self.settle()

    def settle(self) -> None:
        """Wait until nothing runs."""
        self._until("all runs are over", lambda: not self._number(IDLE))

    def end(self) -> None:
        """Take all entries away, and wait for what runs."""
        self._end_outage(self._clock.at)
        self._mend()
        self._until("the last is done", self._all_handled)
        self.settle()
        self._file.write_text("")
        self._until(
            "the file is empty", lambda: not self._number("select count(*) from schedule_entries where present")
        )

    def command(self, *arguments: str) -> None:
        """`python -m app schedule …`"""
        argv = [sys.executable, "-m", "app", "schedule", *arguments]
        subprocess.run(argv, env={**os.environ, **self._environment}, check=True, capture_output=True, timeout=PATIENCE)

    def rehearse(self) -> None:
        """Rehearse the entry that is held."""
        self._mend()
        self.command("rehearse", HELD)

    def pause(self) -> None:
        """Pause an entry."""
        self.command("pause", PAUSED, "--because", "a simulated holiday")

    def resume(self) -> None:
        """Resume it."""
        self.command("resume", PAUSED)

    # -- what happens

    def _before(self, mishap: Mishap, at: datetime) -> None:
        match mishap:
            case Mishap.KILL | Mishap.STOP if self._beats.alive:
                number = self._chance.random.choice(self._beats.alive)
                (self._beats.kill if mishap is Mishap.KILL else self._beats.stop)(number)
                self._back_at[number] = at + self._chance.away()
            case Mishap.FREEZE:
                self._beats.thaw()
                self._hit(lambda number: self._beats.freeze(number), at)
            case Mishap.OUTAGE:
                self._beats.thaw()
                for number in self._beats.alive:
                    self._beats.kill(number)
                self._outage = self._clock.at, at + self._chance.away()
            case Mishap.BACK:
                self._set(self._clock.at - self._chance.back())
                time.sleep(0.2)
            case Mishap.SPOIL:
                self._file.write_text(f"{GOOD}\n[spoilt]\ncron = 'never'\n")
                self._mend_at = at + self._chance.away()

    def _hit(self, how: Callable[[int], None], at: datetime) -> None:
        leader = self._beats.number_of(int(self._number(LEADER)))
        if leader is None:
            return
        how(leader)
        if leader in self._beats.down:
            self._back_at[leader] = at + self._chance.away()

    def _recover(self, at: datetime) -> None:
        self._end_outage(at)
        if not self._beats.alive and not self._beats.down:
            self._beats.thaw()
        if self._mend_at and at >= self._mend_at:
            self._mend()
        for number in self._beats.down:
            if self._back_at.get(number, at) <= at or not self._beats.alive:
                self._beats.start(number)

    def _end_outage(self, at: datetime) -> None:
        if self._outage:
            self.outages.append(Outage(self._outage[0], at))
            self._outage = None
            self._back_at.clear()
            for number in self._beats.down:
                self._beats.start(number)

    def _mend(self) -> None:
        self._mend_at = None
        if self._file.read_text() != GOOD:
            self._file.write_text(GOOD)

    # -- looking

    def _set(self, at: datetime) -> None:
        self._clock.set(self._connection, at)

    def _number(self, statement: str, *values: object) -> float:
        row = self._connection.execute(statement.encode(), values).fetchone()
        return row[0] if row else -1

    def _handled(self) -> float:
        return self._number(HANDLED, self._clock.at)

    def _all_handled(self) -> bool:
        if not self._beats.alive:
            self._recover(self._clock.at)
        return self._handled() == len(ENTRIES)

    def _until(self, what: str, look: Callable[[], bool]) -> None:
        give_up = time.monotonic() + PATIENCE
        while not look():
            if time.monotonic() > give_up:
                raise TooSlow(f"after {PATIENCE:g} s it is not so that {what}")
            time.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """Done."""
        self._connection.close()
