"""The dates of PDF metadata."""

import re

_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:(Z)|([+-])(\d\d)'?(\d\d)?)?", re.ASCII)


def iso_date(value: str) -> str:
    """``D:20240131120000+01'00'`` as ``2024-01-31T12:00:00+01:00``; a value of any other form comes back as it is."""
    match = _DATE.match(value)
    if match is None:
        return value
    year, month, day, hour, minute, second, utc, sign, offset_hours, offset_minutes = match.groups()
    date = f"{year}-{month or '01'}-{day or '01'}"
    if hour is None:
        return date
    zone = "+00:00" if utc else f"{sign}{offset_hours}:{offset_minutes or '00'}" if sign else ""
    return f"{date}T{hour}:{minute or '00'}:{second or '00'}{zone}"
