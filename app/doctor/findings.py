"""What a check says."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, how it is, and what to do if that is not well."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


def finding(check: str, found: str, remedy: str = "", *, bad: bool, verdict: Verdict = Verdict.FAILED) -> Finding:
    """A finding that is `verdict`, with its remedy, if it is bad; else it is well."""
    return Finding(check, verdict, found, remedy) if bad else Finding(check, Verdict.OK, found)
