"""Dates and times as the formats of spreadsheets write them, in English."""

import datetime
import re

_TOKEN = re.compile(
    r'"([^"]*)"?|\\(.)|[_*].|(\[(?:h+|m+|s+)\])|\[[^\]]*\]|(AM/PM|A/P)|(y+|m+|d+|h+|s+)|(\.0+)|(General|@)|(.)',
    re.IGNORECASE | re.DOTALL,
)
_ELAPSED, _NOON, _FIELD, _FRACTION, _SIGN = 3, 4, 5, 6, 8
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_EPOCH = datetime.datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no zones
Moment = datetime.date | datetime.time | datetime.timedelta


def is_date(code: str) -> bool:
    """Whether a format is one of a date or a time."""
    return any(match[_ELAPSED] or match[_FIELD] for match in _TOKEN.finditer(code))


def moment(value: Moment, code: str) -> str:
    """The value, written by the format."""
    at = _at(value)
    tokens = list(_TOKEN.finditer(code))
    noon = any(one[_NOON] for one in tokens)
    fraction = max((len(one[_FRACTION]) - 1 for one in tokens if one[_FRACTION]), default=0)
    if not fraction:  # to the second that people see: what is a day's share is seldom a whole one
        at = (at + datetime.timedelta(milliseconds=500)).replace(microsecond=0)
    fields = [index for index, one in enumerate(tokens) if one[_FIELD] or one[_ELAPSED]]
    written: list[str] = []
    for index, one in enumerate(tokens):
        if one[_ELAPSED]:
            written.append(_elapsed(at, one[_ELAPSED].lower()))
        elif one[_NOON]:
            written.append("AM" if at.hour < 12 else "PM")
        elif one[_FRACTION]:
            written.append(f".{at.microsecond:06}"[: fraction + 1])
        elif one[_FIELD]:
            token = one[_FIELD].lower()
            if token[0] == "m" and len(token) < 3 and _is_minute(tokens, fields, index):
                token = token.replace("m", "i")
            written.append(_field(at, token, noon))
        else:
            written.append(one[1] or one[2] or one[_SIGN] or "")
    return "".join(written).strip()


def _at(value: Moment) -> datetime.datetime:
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, datetime.date):
        return datetime.datetime.combine(value, datetime.time())
    if isinstance(value, datetime.time):
        return datetime.datetime.combine(_EPOCH, value)
    return _EPOCH + value


def _is_minute(tokens: list[re.Match[str]], fields: list[int], index: int) -> bool:
    """An "m" is a month, but minutes behind hours and before seconds."""
    place = fields.index(index)
    before = tokens[fields[place - 1]][0].strip("[]").lower() if place else ""
    after = tokens[fields[place + 1]][0].strip("[]").lower() if place + 1 < len(fields) else ""
    return before.startswith("h") or after.startswith("s")


def _elapsed(at: datetime.datetime, token: str) -> str:
    seconds = int((at - _EPOCH).total_seconds())
    count = seconds // {"h": 3600, "m": 60, "s": 1}[token[1]]
    return str(count).zfill(len(token) - 2)


def _field(at: datetime.datetime, token: str, noon: bool) -> str:  # noqa: FBT001 - private
    kind, length = token[0], len(token)
    if kind == "y":
        return f"{at.year % 100:02}" if length < 3 else str(at.year)
    if kind == "m" and length > 2:
        name = _MONTHS[at.month - 1]
        return name[0] if length == 5 else name[:3] if length == 3 else name
    if kind == "d" and length > 2:
        return _DAYS[at.weekday()] if length > 3 else _DAYS[at.weekday()][:3]
    hour = (at.hour % 12 or 12) if noon else at.hour
    number = {"m": at.month, "d": at.day, "h": hour, "i": at.minute, "s": at.second}[kind]
    return f"{number:02}" if length > 1 else str(number)
