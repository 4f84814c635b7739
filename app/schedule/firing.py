"""One round of the leading Beat: what is due is decided, written and sent; what is over is settled."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from app.schedule import ledger
from app.schedule.deciding import MOST_AT_ONCE, Situation, Verdict, decide
from app.schedule.entries import Entry
from app.schedule.sending import send
from app.schedule.telling import tell_expired, tell_failed, tell_missed
from app.schedule.times import due_after, due_between
from docrelay import transitions

log = logging.getLogger(__name__)

LONGEST_PAUSE = 1.0
AGAIN = timedelta(seconds=10)


@dataclass(slots=True)
class Rounds:
    """The rounds of one Beat, as long as it leads. All times are the database's."""

    who: str
    entries: dict[str, Entry] = field(default_factory=dict)
    _next: dict[str, datetime | None] = field(default_factory=dict)

    def take(self, connection: Connection, entries: dict[str, Entry]) -> None:
        """Go by these entries from now on; they are in the rows already."""
        self.entries = {name: entry for name, entry in entries.items() if entry.enabled}
        handled = ledger.handled_until(connection)
        self._next = {name: next(due_after(entry, handled[name]), None) for name, entry in self.entries.items()}
        for name, due in self._next.items():
            ledger.advance(connection, name, handled[name], due)

    def run(self, session: Connection) -> float:
        """One round; seconds until there is more to do."""
        with session.begin():
            now = session.scalars(select(func.now())).one()
            _expire(session, self.who)
            tell_failed(session, ledger.settle(session))
        for name in [name for name, due in self._next.items() if due is not None and due <= now]:
            self._try(session, name, now)
        waiting = [(due - now).total_seconds() for due in self._next.values() if due is not None]
        return max(0.0, min([LONGEST_PAUSE, *waiting]))

    def _try(self, session: Connection, name: str, now: datetime) -> None:
        try:
            self._fire(session, name, now)
        except DBAPIError:
            raise
        except Exception:
            # What is wrong with one entry must not hold up the others; its due times are looked at again.
            log.exception("%s could not be fired; trying again in %s", name, AGAIN)
            self._next[name] = now + AGAIN

    def _fire(self, session: Connection, name: str, now: datetime) -> None:
        entry = self.entries[name]
        with session.begin():
            known = ledger.known(session, name, entry)
            if known is None:
                log.warning("%s has no row any more; it is made again when the file is read", name)
                self._next[name] = None
                return
            # Should the clock have been put back, times that come again have their rows, and are not sent again.
            after = min(known.handled_until, now)
            dues = due_between(entry, after, now, MOST_AT_ONCE)
            situation = Situation(now, known.held, known.paused, known.running)
            decisions = decide(entry, dues, situation)
            for decision in decisions:
                if decision.verdict is Verdict.SEND:
                    send(session, name, entry, due=decision.due, who=self.who, caught_up=decision.caught_up)
                elif ledger.record(session, name, entry, decision):
                    log.info("%s: the run of %s is %s: %s", name, decision.due, decision.verdict, decision.reason)
            tell_missed(session, name, entry, decisions)
            until = decisions[-1].due if decisions else after
            upcoming = next(due_after(entry, until), None)
            ledger.advance(session, name, until, upcoming)
        self._next[name] = upcoming


def _expire(connection: Connection, who: str) -> None:
    for run in ledger.overdue(connection):
        if transitions.cancel(connection, run.job_id, who=who):
            ledger.expire(connection, run.id)
            tell_expired(connection, run.entry, run.due_at)
