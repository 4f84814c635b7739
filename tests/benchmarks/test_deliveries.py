"""The judge of the run with misbehaving receivers finds each broken promise."""

from typing import Any

import pytest

from benchmarks.deliveries.judge import judge
from benchmarks.deliveries.receivers import Request

ROWS = [
    {"id": "1", "job_id": "job", "target": "here", "status": "delivered", "tries": 2},
    {"id": "2", "job_id": "job", "target": "here", "status": "delivered", "tries": 1},
    {"id": "3", "job_id": "job", "target": "there", "status": "failed", "tries": 1},
]


def came(number: str, at: float, behaviour: str = "204", **changes: Any) -> Request:
    values = {"target": "here", "body": number.encode(), "verified": True, **changes}
    return Request(at=at, id=number, behaviour=behaviour, **values)


GOOD = [came("1", 1, "500"), came("1", 2), came("1", 2.5), came("2", 3, "200, slow bytes"), came("3", 0, "410")]


def test_a_good_run() -> None:
    verdict = judge(ROWS, GOOD)
    assert not verdict.broken(), verdict.faults
    assert (verdict.deliveries, verdict.delivered, verdict.ended, verdict.repeats) == (3, 2, 1, 1)


@pytest.mark.parametrize(
    ("fault", "rows", "requests"),
    [
        ("not delivered, though it could be", [{**ROWS[0], "status": "pending"}, *ROWS[1:]], GOOD),
        ("not delivered, though it could be", ROWS, [*GOOD[:4], came("3", 0, "500")]),
        ("said to be delivered, and never taken", ROWS, [GOOD[0], *GOOD[3:]]),
        ("out of order for its job and target", ROWS, [*GOOD, came("2", 1.5, "503")]),
        ("signature not valid", ROWS, [*GOOD, came("1", 4, verified=False)]),
        ("repeated with another body", ROWS, [*GOOD, came("1", 4, body=b"other")]),
        ("of an unknown id", ROWS, [*GOOD, came("9", 4)]),
    ],
)
def test_a_broken_promise_is_found(fault: str, rows: list[dict[str, Any]], requests: list[Request]) -> None:
    assert judge(rows, requests).faults[fault] == 1
