"""Twenty entries in five zones, whose due times meet every change of the clocks that they have."""

from dataclasses import dataclass

from benchmarks.schedule.counting import TASK

HELD = "kolkata-held"
"""Needs a rehearsal, which comes halfway."""

PAUSED = "berlin-weekdays"
"""Is paused for some days."""


@dataclass(frozen=True, slots=True)
class Timed:
    """An entry: when it is due, where, and its other keys as in the file."""

    name: str
    zone: str
    cron: str = ""
    every_minutes: int = 0
    keys: str = ""

    def toml(self) -> str:
        """As a table of the file."""
        when = f'cron = "{self.cron}"' if self.cron else f'every = "{self.every_minutes}m"'
        rehearsal = "" if self.name == HELD else 'rehearsal = "off"\n'
        return f'[{self.name}]\n{when}\ntimezone = "{self.zone}"\ntask = "{TASK}"\n{rehearsal}{self.keys}\n'


# Put forward and back: Berlin at 02:00/03:00, New York the same on other days, Lord Howe by half an hour and in the
# other half of the year, Beirut at midnight, so that the day of the week changes too; Kolkata never.
BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
BEIRUT, KOLKATA = "Asia/Beirut", "Asia/Kolkata"

ENTRIES = (
    Timed("berlin-night", BERLIN, "30 2 * * *", keys='overlap = "queue"\ncatch_up = 5'),
    Timed("berlin-quarters", BERLIN, "*/15 0-3 * * *", keys='overlap = "allow"'),
    Timed(PAUSED, BERLIN, "0 9 * * MON-FRI"),
    Timed("berlin-hours", BERLIN, "0 1-4 * * *", keys='overlap = "queue"'),
    Timed("newyork-night", NEW_YORK, "15 2 * * *", keys='catch_up = "none"'),
    Timed("newyork-once-or-twice", NEW_YORK, "30 1 * * *"),
    Timed("newyork-halves", NEW_YORK, "*/30 1-3 * * SUN", keys='overlap = "allow"'),
    Timed("newyork-month", NEW_YORK, "0 12 1,15 * *", keys='jitter = "5m"'),
    Timed("lordhowe-night", LORD_HOWE, "10 2 * * *"),
    Timed("lordhowe-doubled", LORD_HOWE, "45 1 * * *", keys='jitter = "2m"'),
    Timed("lordhowe-every-hour", LORD_HOWE, "0 * * * *", keys='overlap = "allow"\ncatch_up = "none"'),
    Timed("lordhowe-tens", LORD_HOWE, "*/10 1-2 * * SAT,SUN", keys='overlap = "allow"\ncatch_up = 1000'),
    Timed("beirut-midnight", BEIRUT, "0 0 * * *"),
    Timed("beirut-after", BEIRUT, "30 0 * * SUN", keys='overlap = "queue"'),
    Timed("beirut-evening", BEIRUT, "30 23 * * *"),
    Timed("beirut-stars", BEIRUT, "*/20 0,23 * * *", keys='overlap = "allow"'),
    Timed("kolkata-morning", KOLKATA, "30 5 * JAN-DEC *", keys='expires = "2h"'),
    Timed(HELD, KOLKATA, "0 */6 * * *"),
    Timed("kolkata-13th-or-friday", KOLKATA, "0 13 13 * FRI"),
    Timed("every-90-minutes", KOLKATA, every_minutes=90, keys='overlap = "skip"\ncatch_up = "last"'),
)
