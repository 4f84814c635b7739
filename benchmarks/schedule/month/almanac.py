"""When entries are due, found by looking at every minute: slow, plain, and apart from how the service computes it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from benchmarks.schedule.month.entries import Timed

MINUTE = timedelta(minutes=1)
NAMES = {name: number for number, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)} | {
    name: number for number, name in enumerate("SUN MON TUE WED THU FRI SAT".split())
}


def due_times(entry: Timed, after: datetime, until: datetime) -> list[datetime]:
    """All due times after one moment and not after another, both in whole minutes; ascending, in UTC."""
    if entry.every_minutes:
        step = entry.every_minutes * 60
        return [minute for minute in _minutes(after, until) if int(minute.timestamp()) % step == 0]
    return list(_cron_times(entry.cron, ZoneInfo(entry.zone), after, until))


def _minutes(after: datetime, until: datetime) -> Iterator[datetime]:
    minute = after + MINUTE
    while minute <= until:
        yield minute
        minute += MINUTE


def _cron_times(cron: str, zone: ZoneInfo, after: datetime, until: datetime) -> Iterator[datetime]:
    fields = Fields(cron)
    before = _wall(after, zone)
    for minute in _minutes(after, until):
        wall = _wall(minute, zone)
        skipped = [before + n * MINUTE for n in range(1, int((wall - before) / MINUTE))]
        comes_again = minute.astimezone(zone).fold == 1
        before = wall
        if fields.has_star:
            if fields.match(wall):
                yield minute
        # A set time: not when its hour comes again; what was skipped is due when the clock goes on.
        elif (fields.match(wall) and not comes_again) or any(fields.match(each) for each in skipped):
            yield minute


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


class Fields:
    """The five fields of a cron expression."""

    def __init__(self, cron: str) -> None:
        """Take them apart."""
        minute, hour, day, month, weekday = cron.split()
        self.has_star = minute.startswith("*") or hour.startswith("*")
        self._minutes, self._hours = _numbers(minute, 0, 59), _numbers(hour, 0, 23)
        self._days, self._months = _numbers(day, 1, 31), _numbers(month, 1, 12)
        self._weekdays = {number % 7 for number in _numbers(weekday, 0, 7)}
        self._either = not day.startswith("*") and not weekday.startswith("*")

    def match(self, wall: datetime) -> bool:
        """Whether a time on the wall's clock is meant."""
        if wall.minute not in self._minutes or wall.hour not in self._hours or wall.month not in self._months:
            return False
        day, weekday = wall.day in self._days, wall.isoweekday() % 7 in self._weekdays
        return (day or weekday) if self._either else (day and weekday)


def _numbers(field: str, least: int, most: int) -> set[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, dash, last = (f"{least}-{most}" if span == "*" else span).partition("-")
        low = _number(first)
        found |= set(range(low, (_number(last) if dash else low) + 1, int(step or 1)))
    return found


def _number(word: str) -> int:
    return NAMES[word] if word in NAMES else int(word)


def utc(year: int, month: int, day: int) -> datetime:
    """Midnight of a day."""
    return datetime(year, month, day, tzinfo=UTC)
