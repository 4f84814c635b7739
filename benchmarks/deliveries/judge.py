"""Did everything arrive that could, in order, signed, and with the same id?"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from benchmarks.deliveries.receivers import ENDS, TAKES, Request


@dataclass(slots=True)
class Verdict:
    """What became of the notifications, by the rows and by what the receivers saw."""

    deliveries: int = 0
    delivered: int = 0
    ended: int = 0
    """Given up after a 410 or a redirect."""
    requests: int = 0
    repeats: int = 0
    """Requests for what had been taken already: the sender died before it could note the answer."""
    tries: Counter[int] = field(default_factory=Counter)
    faults: dict[str, int] = field(default_factory=dict)

    def broken(self) -> bool:
        """Whether a promise was."""
        return any(self.faults.values())


def judge(rows: list[dict[str, Any]], requests: list[Request]) -> Verdict:
    """`rows` are deliveries with id, job_id, target, status, tries, in the order in which they were written."""
    by_id: dict[str, list[Request]] = defaultdict(list)
    for request in requests:
        by_id[request.id].append(request)
    taken = {name: [each for each in came if each.behaviour in TAKES] for name, came in by_id.items()}
    ended = {name for name, came in by_id.items() if any(each.behaviour in ENDS for each in came)}
    status = {row["id"]: row["status"] for row in rows}
    verdict = Verdict(
        deliveries=len(rows),
        delivered=sum(one == "delivered" for one in status.values()),
        ended=sum(status[name] == "failed" for name in ended),
        requests=len(requests),
        repeats=sum(max(0, len(came) - 1) for came in taken.values()),
        tries=Counter(min(row["tries"], 10) for row in rows),
    )
    verdict.faults = {
        "not delivered, though it could be": sum(
            one == "pending" or (one == "failed" and name not in ended) for name, one in status.items()
        ),
        "said to be delivered, and never taken": sum(
            one == "delivered" and not taken.get(name) for name, one in status.items()
        ),
        "out of order for its job and target": _overtaken(rows, by_id),
        "signature not valid": sum(not request.verified for request in requests),
        "repeated with another body": sum(len({each.body for each in came}) > 1 for came in by_id.values()),
        "of an unknown id": sum(name not in status for name in by_id),
    }
    return verdict


def _overtaken(rows: list[dict[str, Any]], by_id: dict[str, list[Request]]) -> int:
    """Notifications whose first request came before an earlier one of the same job and target was taken or ended."""
    lines: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        lines[row["job_id"], row["target"]].append(row["id"])
    overtaken = 0
    for ids in lines.values():
        for earlier, later in pairwise(ids):
            settled = [each.at for each in by_id.get(earlier, []) if each.behaviour in (*TAKES, *ENDS)]
            came = [each.at for each in by_id.get(later, [])]
            overtaken += bool(came) and (not settled or min(came) < min(settled))
    return overtaken
