"""Whether everything went as it has to; the demo's exit status rests on it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.demo.deliveries import Sent
from app.demo.documents import Sample
from app.development.receiver import Request
from docrelay import Hit, Job, JobStatus
from docrelay.names import DeliveryStatus

STEM_LETTERS = 4
LITTLE = """
    a am an and are at be been by can do does for from has have here how i if in into is it its me my no not of on or
    our so than that the their them then there they this to up was we were what when where which who will with
    without you your
"""


@dataclass(frozen=True, slots=True)
class Check:
    """A promise, and whether it was kept."""

    promise: str
    kept: bool
    but: str = ""


def check_jobs(samples: Sequence[Sample], jobs: Mapping[str, Job]) -> Iterator[Check]:
    """Each document had the outcome it must have, and the reason was said."""
    for outcome, promise in (
        (JobStatus.SUCCEEDED, "readable documents are searchable"),
        (JobStatus.FAILED, "broken documents failed with a clear reason, and at the first try"),
        (JobStatus.NO_TEXT, "of them had no text, which is not called a success"),
    ):
        wanted = [sample for sample in samples if sample.expected is outcome]
        wrong = [f"{sample.path.name} {jobs[sample.path.name].reason}" for sample in wanted if not _right(sample, jobs)]
        yield Check(f"{len(wanted)} {promise}", not wrong, "; ".join(wrong))


def _right(sample: Sample, jobs: Mapping[str, Job]) -> bool:
    job = jobs[sample.path.name]
    once = all(stage.attempt <= 1 for stage in job.stages) or job.status is not JobStatus.FAILED
    return job.status is sample.expected and sample.why in job.reason.lower() and once


def check_duplicate(first: Job, again: Job) -> Check:
    """The second time nothing was computed."""
    worked = [stage.name for stage in again.stages if stage.attempt]
    kept = again.same_as == first.id and again.ok and "parse" not in worked and "vectorize" not in worked
    return Check("a document that is known already was answered without computing anything", kept, again.reason)


def check_search(query: str, wanted: str, hits: Sequence[Hit]) -> Check:
    """The best hit is in the right document, and no word of the query led to it."""
    promise = f"“{query}” found {wanted} by its meaning alone"
    if not hits:
        return Check(promise, kept=False, but="nothing was found")
    name, shared = hits[0].document.name, shared_words(query, hits[0].text)
    return Check(promise, name == wanted and not shared, f"found {name}; words in both: {', '.join(shared) or 'none'}")


def shared_words(one: str, other: str) -> list[str]:
    """What the words of both texts have in common, but for the little ones: their first letters, as a crude stem."""
    return sorted(_stems(one) & _stems(other))


def _stems(text: str) -> set[str]:
    words = set(re.findall(r"[a-z]+", text.lower())) - set(LITTLE.split())
    return {word[:STEM_LETTERS] for word in words}


def check_deliveries(sent: Sequence[Sent], received: Sequence[Request], jobs: int) -> Iterator[Check]:
    """Each outcome was told, signed, in spite of a receiver that refused once."""
    late = [one.document for one in sent if one.status != DeliveryStatus.DELIVERED]
    yield Check(f"{jobs} of {jobs} outcomes were delivered", len(sent) == jobs and not late, f"not: {late}")
    forged = [one.document for one in received if not one.verified]
    yield Check("each signature was valid", not forged, f"not: {forged}")
    refused = {one.id for one in received if one.answered != 204}
    accepted = [one.id for one in received if one.answered == 204]
    told_again = bool(refused) and refused <= set(accepted) and len(accepted) == len(set(accepted))
    yield Check("the one that the receiver refused came again, and none came twice", told_again, f"refused: {refused}")
