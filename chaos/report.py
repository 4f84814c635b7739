"""The table of a run, and what was wrong."""

import uuid
from collections.abc import Iterable

from chaos.inject import Injection
from chaos.invariants import Harm
from chaos.outcome import Outcome

HEAD = ("fault", "times", "in flight", "moved again, s", *(str(harm) for harm in Harm))


def table(outcome: Outcome) -> str:
    """Markdown: a row for each kind of fault, and a last one for the whole run."""
    kinds = dict.fromkeys(each.fault.name for each in outcome.injections)
    rows = [_row(outcome, name, [each for each in outcome.injections if each.fault.name == name]) for name in kinds]
    total = _row(outcome, "all", outcome.injections)
    everybody = [str(len(outcome.verdict.harms[harm])) for harm in Harm]
    lines = [HEAD, ("---",) * len(HEAD), *rows, (*total[:4], *everybody)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(outcome: Outcome, name: str, injections: list[Injection]) -> tuple[str, ...]:
    happened = sum(each.happened for each in injections)
    times = str(happened) if happened == len(injections) else f"{happened} of {len(injections)}"
    jobs: set[uuid.UUID] = set().union(*(each.jobs for each in injections))
    harmed = [str(len(jobs & outcome.verdict.harms[harm])) for harm in Harm]
    return (name, times, str(sum(len(each.jobs) for each in injections)), _longest(injections), *harmed)


def _longest(injections: Iterable[Injection]) -> str:
    seconds = [each.moved_seconds for each in injections]
    known = [each for each in seconds if each is not None]
    return "never" if len(known) < len(seconds) else f"{max(known, default=0):.1f}"


def summary(outcome: Outcome) -> str:
    """The table with what was run before it, and after it what was wrong."""
    wanted, verdict = outcome.wanted, outcome.verdict
    timing = wanted.timing
    lines = [
        f"{outcome.accepted} documents accepted, {len(outcome.injections)} faults, seed {wanted.seed}, {wanted.broker}",
        *([f"left out: {', '.join(wanted.without)}"] if wanted.without else []),
        f"{sum(bool(each.together) for each in outcome.injections)} of the faults came two at a time",
        *([f"{outcome.spare} documents more were made, since the others were used up"] if outcome.spare else []),
        f"lease {timing.lease:g} s, sweep {timing.sweep:g} s, a job must move within {timing.bound:g} s",
        (
            f"{outcome.calm_seconds:.0f} s without faults, {outcome.seconds:.0f} s with them; "
            f"`submit` said {outcome.refused} times that database or storage is away"
        ),
        "",
        table(outcome),
        "",
        *(f"seen only when tried again: {each.fault.name}: {each.evidence}" for each in outcome.unseen),
        *(f"NOT INJECTED {each.fault.name}: {each.evidence}" for each in outcome.injections if not each.happened),
        *(f"TOO LATE after {each.fault.name}: {each.moved_seconds}" for each in outcome.late),
        *(f"BROKEN {what}: {', '.join(map(str, sorted(jobs)[:5]))}" for what, jobs in verdict.broken.items()),
        *(f"LEFT BEHIND {what}" for what in verdict.left_behind),
        *([] if outcome.all_submitted else ["NOT ALL DOCUMENTS COULD BE SUBMITTED"]),
        "every promise held" if outcome.good else "PROMISES WERE BROKEN",
    ]
    return "\n".join(lines)
