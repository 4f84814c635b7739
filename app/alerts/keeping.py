"""What is alarming, as rows: told when it lasts, repeated, told to be over, silenced."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, text

from app.alerts.rules import Alarm
from config.notifications import AlertLimits
from docrelay.database import storable
from docrelay.ids import new_id
from docrelay.tables import Silence
from docrelay.transitions import notify_service

SEEN = text(
    """
    insert into alerts as a (rule, subject, found, remedy) values (:rule, :subject, :found, :remedy)
    on conflict (rule, subject) do update
    set found = excluded.found, remedy = excluded.remedy, seen_at = now(), cleared_at = null,
        since = case when a.cleared_at is null then a.since else now() end,
        told_at = case when a.cleared_at is null then a.told_at end
    """
)

DUE = text(
    """
    select *, told_at is not null as again from alerts
    where cleared_at is null and seen_at >= now() and since <= now() - cast(:grace as float8) * interval '1 second'
      and (told_at is null or told_at <= now() - cast(:repeat as float8) * interval '1 second')
    order by rule, subject
    """
)
TOLD = text("update alerts set told_at = now() where rule = :rule and subject = :subject")

# What comes and goes is over only when it has stayed away for as long as it has to stay to be told.
OVER = text(
    """
    update alerts set cleared_at = now()
    where cleared_at is null and seen_at < now() - cast(:grace as float8) * interval '1 second'
    returning *
    """
)
FORGOTTEN = text("delete from alerts where cleared_at < now() - interval '7 days'")
SILENCES = text("select pattern, because, until from silences where until > now() order by until")


def keep(connection: Connection, alarms: Iterable[Alarm], limits: AlertLimits) -> list[str]:
    """Compare what is alarming now with what was, and write the notifications; what was told, for the log.

    In one transaction, so that each is told once however many dispatchers run.
    """
    silenced = [row.pattern for row in connection.execute(SILENCES)]
    for alarm in alarms:
        values = {"rule": alarm.rule, "subject": alarm.subject, "found": storable(alarm.found), "remedy": alarm.remedy}
        connection.execute(SEEN, values)
    times = {"grace": limits.grace_seconds, "repeat": limits.repeat_minutes * 60}
    told = []
    for row in connection.execute(DUE, times).mappings().all():
        if not _silent(row, silenced):
            connection.execute(TOLD, {"rule": row["rule"], "subject": row["subject"]})
            told.append(_tell(connection, row, "repeated" if row["again"] else "fired"))
    over = connection.execute(OVER, times).mappings().all()
    told += [
        _tell(connection, row, "cleared") for row in over if row["told_at"] is not None and not _silent(row, silenced)
    ]
    connection.execute(FORGOTTEN)
    return told


def _silent(row: RowMapping, patterns: Sequence[str]) -> bool:
    return any(matches(pattern, row["rule"], row["subject"]) for pattern in patterns)


def matches(pattern: str, rule: str, subject: str) -> bool:
    """`queue.*` and `queue.no_worker` mean a rule, `queue.no_worker:docrelay.parse` one subject of it."""
    return fnmatchcase(f"{rule}:{subject}" if ":" in pattern else rule, pattern)


def _tell(connection: Connection, row: RowMapping, state: str) -> str:
    rule, subject = row["rule"], row["subject"]
    data = facts(rule, subject, row["found"], row["remedy"], state, row["since"])
    notify_service(connection, f"alert.{rule}", data, line=f"alert {rule}:{subject}")
    return f"{state}: {row['found']}"


def facts(rule: str, subject: str, found: str, remedy: str, state: str, since: datetime) -> dict[str, Any]:
    """The data of an alert's notification; `state` is fired, repeated, cleared or test."""
    return {
        "message": found,
        "remedy": remedy,
        "rule": rule,
        "subject": subject,
        "state": state,
        "since": since.isoformat(timespec="seconds"),
    }


LISTED = text("select * from alerts order by cleared_at desc nulls first, since desc")


def listed(connection: Connection) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The alerts, those that last first; and the silences."""
    alerts = [dict(row) for row in connection.execute(LISTED).mappings()]
    return alerts, [dict(row) for row in connection.execute(SILENCES).mappings()]


def silence(connection: Connection, pattern: str, seconds: float, because: str) -> None:
    """Tell nothing of these for so long; 0 ends silences of this pattern."""
    connection.execute(text("delete from silences where pattern = :pattern"), {"pattern": pattern})
    if seconds > 0:
        until = text("now() + cast(:seconds as float8) * interval '1 second'").bindparams(seconds=seconds)
        connection.execute(insert(Silence).values(id=new_id(), pattern=pattern, because=because, until=until))
