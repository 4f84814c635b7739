"""Number formats of spreadsheets: 0.125 as the "12.5 %" that people see, -1164 as "(1,164)", dates as written."""

import datetime
import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from pipelines.parse.date_format import is_date, moment

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|[_*].|\[\$(?P<currency>[^\]-]*)[^\]]*\]|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<general>General)|(?P<digits>[0#?][0#?,]*)|(?P<exponent>E[+-]0+)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_SECTIONS = re.compile(r'((?:"[^"]*"?|\\.|[_*].|\[[^\]]*\]|[^;])*);?', re.DOTALL)
_CONDITION = re.compile(r"[<>=]")
# As many digits as a number has in a cell, and more than a format can ask for.
_EXACT = Context(prec=400, rounding=ROUND_HALF_UP)
_MOST_DECIMALS = 30
_QUANTA = [Decimal(1).scaleb(-places) for places in range(_MOST_DECIMALS + 1)]
_LONGEST = 255  # as in Excel itself

Value = float | datetime.date | datetime.time | datetime.timedelta


@dataclass(slots=True)
class _Section:
    """What is written around a number, and how its digits are."""

    date: str | None = None
    before: str = ""
    after: str = ""
    whole: str = ""
    decimals: str | None = None
    percents: int = 0
    thousands: int = 0
    exponent: int = 0
    literal: bool = True  # words or a sign instead of the number, until there are digits
    parts: list[str] = field(default_factory=list)


def shown(value: Value, code: str) -> str | None:
    """The value as a cell with that format shows it; None where the format says nothing, or is beyond us.

    Conditions and fractions are beyond us, and a format that hides its numbers is not obeyed.
    """
    try:
        return _shown(value, _sections(code))
    except ArithmeticError:  # a date beyond the calendar, a format of a thousand percent signs
        return None


def _shown(value: Value, sections: tuple[_Section | None, ...]) -> str | None:
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        first = sections[0] if sections else None
        return moment(value, first.date) if first is not None and first.date is not None else None
    number = Decimal(repr(float(value)))
    if not sections or not number.is_finite():
        return None
    index = 1 if number < 0 else 0 if number > 0 else 2
    index = index if index < len(sections) else 0
    section = sections[index]
    if section is None or section.date is not None:
        return None
    if section.literal:
        return section.before or None
    sign = "-" if number < 0 and index == 0 else ""
    return _written(abs(number), section, sign)


@lru_cache(2_048)
def _sections(code: str) -> tuple[_Section | None, ...]:
    found = [match[1] for match in _SECTIONS.finditer(code[:_LONGEST]) if match[0]][:3]
    return tuple(_section(one) for one in found)


def _section(code: str) -> _Section | None:
    if is_date(code):
        return _Section(date=code)
    section = _Section()
    for match in _TOKEN.finditer(code):
        kind = match.lastgroup
        if kind == "general" or (kind == "bracket" and _CONDITION.search(match["bracket"])):
            return None
        if kind == "other" and match["other"] in "/@":
            return None
        if kind not in (None, "bracket"):
            _take(section, kind or "", match[kind or 0])
    section.before, section.after = section.before.lstrip(), section.after.rstrip()
    return section


def _take(section: _Section, kind: str, said: str) -> None:
    if kind == "digits":
        _digits(section, said)
    elif kind == "exponent":
        section.exponent = len(said) - 2
    elif kind == "other" and said == "." and section.decimals is None:
        section.decimals, section.literal = "", False
    else:
        section.percents += kind == "other" and said == "%"
        if section.literal:
            section.before += said
        else:
            section.after += said


def _digits(section: _Section, said: str) -> None:
    section.thousands += len(said) - len(said.rstrip(","))
    if section.decimals is not None:
        section.decimals = (section.decimals + said.replace(",", ""))[:_MOST_DECIMALS]
        return
    section.literal = False
    if section.after:  # as in 000-00-0000
        section.parts.append(section.after)
        section.after = ""
    section.whole += said.rstrip(",")
    section.parts.append(said.rstrip(","))


def _written(number: Decimal, section: _Section, sign: str) -> str:
    if section.percents or section.thousands:
        number = number * 100**section.percents / 1000**section.thousands
    decimals = section.decimals or ""
    if section.exponent:
        mantissa, _, power = f"{number:.{len(decimals)}E}".partition("E")
        digits = f"{mantissa}E{power[0]}{power[1:].zfill(section.exponent)}"
    elif len(section.parts) > 1:
        digits = _into(section.parts, f"{number.to_integral_value(ROUND_HALF_UP):f}")
    else:
        digits = _plain(number, section.whole, decimals)
    sign = sign if sign and any(digit in "123456789" for digit in digits) else ""
    return f"{sign}{section.before}{digits}{section.after}".strip()


def _plain(number: Decimal, whole: str, decimals: str) -> str:
    rounded = number.quantize(_QUANTA[len(decimals)], context=_EXACT)
    before, _, after = (f"{rounded:,f}" if "," in whole else f"{rounded:f}").partition(".")
    if before == "0" and "0" not in whole:
        before = ""
    elif len(before) < (least := whole.count("0")):
        before = before.rjust(least, "0")
    if "#" in decimals or "?" in decimals:
        while len(after) > decimals.count("0") and after.endswith("0"):
            after = after[:-1]
    return f"{before}.{after}" if after else before or ("0" if not decimals else ".")


def _into(parts: list[str], digits: str) -> str:
    """Digits in places with something between them, such as telephone numbers: filled from the right."""
    written: list[str] = []
    for part in reversed(parts):
        if part[0] not in "0#?":
            written.append(part)
            continue
        places = len(part.replace(",", ""))
        taken, digits = digits[-places:], digits[:-places]
        written.append(taken.rjust(part.count("0"), "0"))
    return digits + "".join(reversed(written))
