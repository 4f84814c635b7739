"""What there is to do, and what does not move."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from app.doctor.findings import Finding, Verdict
from docrelay.waiting import ALIVE_SECONDS, READY_STAGES

WORK = text(
    f"""
    select
      (select count(*) from jobs where status in ('queued', 'running')) as unfinished,
      (select extract(epoch from now() - min(greatest(ready_at, due_at))) from {READY_STAGES}
       where due_at <= now()) as oldest,
      (select count(*) from stage_runs where status = 'running'
       and lease_until < now() - interval '{ALIVE_SECONDS} seconds') as overdue,
      (select count(*) from jobs j where status = 'quarantined' and not exists (
         select 1 from events e
         where e.job_id = j.id and e.kind = 'discarded' and e.at >= j.finished_at)) as quarantined,
      (select count(*) from dead_messages) as dead,
      (select extract(epoch from now() - min(created_at)) from jobs where status in ('queued', 'running')) as age,
      (select id from jobs where status in ('queued', 'running') order by id limit 1) as eldest
    """  # noqa: S608 - constants of ours
)
OLD_SECONDS = 600


def work(connection: Connection) -> Iterator[Finding]:
    row = connection.execute(WORK).one()
    oldest = float(row.oldest or 0)
    found = f"{row.unfinished} unfinished, the oldest ready stage waits {oldest:.0f} s"
    if row.eldest:
        found += f"; the oldest job, {row.eldest}, was submitted {row.age:.0f} s ago"
    late = oldest > OLD_SECONDS
    remedy = "add workers, or see why with `docrelay show JOB`" if late else ""
    yield Finding("work", Verdict.WARNING if late else Verdict.OK, found, remedy)
    counts: list[tuple[str, int, Verdict, str]] = [
        ("overdue leases", row.overdue, Verdict.FAILED, "no dispatcher sweeps; start one"),
        ("quarantine", row.quarantined, Verdict.WARNING, "see `python -m app quarantine list`"),
        (
            "dead letters",
            row.dead,
            Verdict.WARNING,
            "somebody publishes what is not ours; see `python -m app quarantine list`",
        ),
    ]
    for check, count, verdict, remedy in counts:
        yield Finding(check, verdict if count else Verdict.OK, str(count), remedy if count else "")
