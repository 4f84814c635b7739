"""The recurring tasks that come with the service, run by the real worker on rows that the tests make."""

from typing import Any

import pytest

from app.schedule.overview import Past
from docrelay import Client, Job
from docrelay.database import transact
from docrelay.names import ErrorClass
from docrelay.transitions import Policy, Problem, claim, fail, succeed
from docrelay.transitions.claims import new_token
from pipelines.deliver import renderer
from tests.schedule.conftest import Recurring

TEXT = "Some words that only this document has: {}."


@pytest.fixture
def collection(request: pytest.FixtureRequest, recurring: Recurring) -> str:
    """A collection of this test's own."""
    return str(request.node.name)


def submit(
    recurring: Recurring, collection: str, *names: str, age: str = "0 days", outcome: str = "succeeded"
) -> list[Job]:
    """Documents whose job is over, with a page, as old as given. No worker for documents runs here."""
    jobs = [
        recurring.client.submit(TEXT.format(name).encode(), name=name, collection=collection, pipeline="extract")
        for name in names
    ]
    for job in jobs:
        while recurring.client.get(job.id).status in ("queued", "running"):
            _close(recurring, job, outcome)
        recurring.sql(
            "insert into pages (document_id, number, text) values (:d, 1, 'text') on conflict do nothing",
            d=job.document.id,
        )
        recurring.sql("update documents set parsed_by = 'x', page_count = 1 where id = :d", d=job.document.id)
        recurring.sql("update jobs set finished_at = now() - cast(:age as interval) where id = :id", age=age, id=job.id)
    return jobs


def _close(recurring: Recurring, job: Job, outcome: str) -> None:
    (row,) = recurring.sql(
        "select id from stage_runs where job_id = :id and status = 'ready' order by position", id=job.id
    )
    token = new_token()
    held = transact(
        recurring.engine,
        lambda c: claim(c, row["id"], token=token, worker="w", message_id="m", lease=30),
    )
    assert held is not None
    if outcome == "failed":
        problem = Problem(ErrorClass.PERMANENT, "corrupt", "it is broken")
        transact(recurring.engine, lambda c: fail(c, held, problem, policy=Policy()))
    else:
        transact(recurring.engine, lambda c: succeed(c, held))


def names(recurring: Recurring, collection: str) -> list[str]:
    rows = recurring.sql("select name from documents where collection = :c order by name", c=collection)
    return [row["name"] for row in rows]


def went_well(run: Past) -> dict[str, Any]:
    assert run.outcome == "succeeded", run.reason
    return run.detail


def test_retention_by_age_and_count(recurring: Recurring, collection: str) -> None:
    """Each rule means its collection and statuses only; the newest stay; a rehearsal counts and removes nothing."""
    submit(recurring, collection, "1", "2", age="40 days")
    submit(recurring, collection, "3", age="39 days")
    submit(recurring, collection, "bad", age="40 days", outcome="failed")
    submit(recurring, collection, "new")
    rules = [
        {"collection": collection, "status": ["succeeded"], "older_than": "30d", "keep": 2, "remove": ["documents"]},
    ]
    assert went_well(recurring.run("old", "retention", rehearsal=True, rules=rules))["documents"] == 2
    assert len(names(recurring, collection)) == 5
    assert went_well(recurring.run("old", "retention", rules=rules))["documents"] == 2
    assert names(recurring, collection) == ["3", "bad", "new"]
    assert went_well(recurring.run("old", "retention", rules=rules))["documents"] == 0


def test_retention_of_parts(recurring: Recurring, collection: str) -> None:
    """Bytes go and text stays; then text goes; submitted again, the document is worked again."""
    (job,) = submit(recurring, collection, "a", age="2 days")
    rule = {"collection": collection, "older_than": "1d"}
    assert went_well(recurring.run("parts", "retention", rules=[{**rule, "remove": ["bytes"]}]))["bytes"] == 1
    assert recurring.sql("select 1 from pieces where sha256 = :s", s=bytes.fromhex(job.document.sha256)) == []
    assert recurring.sql("select 1 from pages where document_id = :d", d=job.document.id) != []
    assert went_well(recurring.run("parts", "retention", rules=[{**rule, "remove": ["bytes", "text"]}])) == {
        "bytes": 0,
        "text": 1,
        "rule_1": [{"collection": collection, "bytes": 0, "text": 1}],
    }
    again = recurring.client.submit(TEXT.format("a").encode(), name="a", collection=collection, pipeline="extract")
    assert (again.same_as, again.document.id) == (None, job.document.id)
    assert recurring.sql("select 1 from pieces where sha256 = :s", s=bytes.fromhex(job.document.sha256)) != []


def test_retention_keeps_bytes_that_another_document_needs(recurring: Recurring, collection: str) -> None:
    submit(recurring, collection, "a", age="2 days")
    submit(recurring, f"{collection}-other", "a")
    rules = [{"collection": collection, "older_than": "1d", "remove": ["bytes"]}]
    assert went_well(recurring.run("shared", "retention", rules=rules))["bytes"] == 0


def test_retention_of_history(recurring: Recurring, collection: str) -> None:
    (job,) = submit(recurring, collection, "a", age="9 days")
    recurring.sql("update jobs set fingerprint = 'older' where id = :id", id=job.id)
    (last,) = submit(recurring, collection, "a", age="8 days")
    rules = [{"collection": collection, "older_than": "7d", "remove": ["history"]}]
    assert went_well(recurring.run("history", "retention", rules=rules))["history"] == 1
    assert [row["id"] for row in recurring.sql("select id from jobs where collection = :c", c=collection)] == [last.id]


def test_retention_leaves_what_is_under_way(recurring: Recurring, collection: str) -> None:
    submit(recurring, collection, "a", age="9 days")
    recurring.sql("update jobs set fingerprint = 'older' where collection = :c", c=collection)
    recurring.client.submit(TEXT.format("a").encode(), name="a", collection=collection, pipeline="extract")
    rules = [{"collection": collection, "older_than": "0s", "remove": ["documents"]}]
    assert went_well(recurring.run("busy", "retention", rules=rules))["documents"] == 0


def test_retry_failed(recurring: Recurring, collection: str) -> None:
    """Those that are meant, so often, and with the number of those it would retry in a rehearsal."""
    jobs = submit(recurring, collection, "a", "b", outcome="failed")
    submit(recurring, collection, "good")
    wanted: dict[str, Any] = {"collection": collection, "code": "corrupt", "times": 1}
    assert went_well(recurring.run("again", "retry-failed", rehearsal=True, **wanted))["to_retry"] == 2
    run = recurring.run("again", "retry-failed", **wanted)
    assert (went_well(run)["retried"], run.made) == (2, {"queued": 2})
    for job in jobs:
        _close(recurring, job, "failed")
    assert went_well(recurring.run("again", "retry-failed", **wanted))["retried"] == 0
    assert went_well(recurring.run("others", "retry-failed", **{**wanted, "code": "crashed"}))["retried"] == 0


def test_verify(recurring: Recurring, collection: str) -> None:
    """Whole documents pass; one whose bytes are damaged is named, and the run fails."""
    (first, _) = submit(recurring, collection, "whole", "broken")
    wanted: dict[str, Any] = {"collection": collection, "search": "text"}
    assert went_well(recurring.run("check", "verify", **wanted)) == {"looked_at": 2, "not_whole": 0}
    recurring.sql("update pieces set data = 'x' where sha256 = :s", s=bytes.fromhex(first.document.sha256))
    run = recurring.run("check", "verify", **wanted)
    assert (run.outcome, run.detail["not_whole"]) == ("failed", 1)
    assert run.detail["problems"][0]["document"] == "whole"
    recurring.sql("delete from pages where document_id = :d", d=first.document.id)
    assert {each["problem"] for each in recurring.run("check", "verify", **wanted).detail["problems"]} >= {
        "it was parsed, and has no text"
    }


def test_a_pipeline_over_a_collection(recurring: Recurring, collection: str) -> None:
    """Each document once, as long as neither it nor the pipeline changes."""
    submit(recurring, collection, "a", "b")
    wanted: dict[str, Any] = {"pipeline": "index", "collection": f"{collection[:-2]}*"}
    assert went_well(recurring.run("all", "pipeline", rehearsal=True, **wanted)) == {"to_work": 2}
    run = recurring.run("all", "pipeline", **wanted)
    assert (went_well(run)["jobs"], sum(run.made.values())) == (2, 2)
    assert went_well(recurring.run("all", "pipeline", **wanted))["jobs"] == 0


def test_a_digest(recurring: Recurring, collection: str) -> None:
    """Numbers of the day before it was due; shown in a rehearsal, sent otherwise."""
    submit(recurring, collection, "a", outcome="failed")
    shown = went_well(recurring.run("report", "digest", rehearsal=True, to=["https://example.com/hook"]))
    assert any("corrupt: it is broken" in line for line in shown["would_send"])
    assert recurring.sql("select 1 from deliveries where event = 'digest'") == []
    assert went_well(recurring.run("report", "digest", to=["https://example.com/hook"]))["sent"] == 1
    (row,) = recurring.sql("select target, payload from deliveries where event = 'digest'")
    assert row["target"] == "https://example.com/hook"
    assert row["payload"]["data"]["failures"][0]["code"] == "corrupt"
    message = renderer(None).render(row["payload"])
    assert "jobs in 1d, " in message.subject
    assert "× corrupt: it is broken (such as a)" in message.text
    assert "<td" in message.html
    assert ">corrupt</td>" in message.html


def test_a_digest_is_sent_once_though_its_run_is_tried_again(recurring: Recurring) -> None:
    """As when a worker dies between the sending and the closing of its stage."""
    run = recurring.run("again", "digest", to=["https://example.com/once"])
    (row,) = recurring.sql("select id, document_id from jobs where id = :id", id=run.job_id)
    recurring.sql(
        "update stage_runs set status = 'ready', finished_at = null, announced_at = null, ready_at = now()"
        " where job_id = :id and stage = 'recur'",
        id=row["id"],
    )
    recurring.sql("update jobs set status = 'running', finished_at = null where id = :id", id=row["id"])
    for _ in recurring.client.watch(row["id"], timeout=60):
        pass
    attempts = recurring.sql(
        "select 1 from attempts a join stage_runs s on s.id = a.stage_run_id"
        " where s.job_id = :id and s.stage = 'recur'",
        id=row["id"],
    )
    assert len(attempts) == 2
    assert len(recurring.sql("select 1 from deliveries where target = 'https://example.com/once'")) == 1


def test_maintenance(recurring: Recurring, collection: str) -> None:
    """Bytes without a document go after a while, old runs with their jobs too; counted in a rehearsal."""
    recurring.client.delete(submit(recurring, collection, "a")[0].document.id)
    recurring.sql("insert into contents (sha256, size, created_at) values ('\\x00', 1, now() - interval '2 hours')")
    recurring.run("forgotten", "nothing")
    recurring.sql("update schedule_runs set due_at = now() - interval '91 days' where entry = 'forgotten'")
    for number, (status, days) in enumerate([("delivered", 91), ("pending", 91), ("delivered", 89)]):
        recurring.sql(
            "insert into deliveries (id, event, target, payload, status, created_at)"
            " values (gen_random_uuid(), :event, 'https://example.com', '{}', :status,"
            " now() - :days * interval '1 day')",
            event=f"alert.{number}",
            status=status,
            days=days,
        )
    shown = went_well(recurring.run("tidy", "maintenance", rehearsal=True))
    assert (shown["orphan_bytes"], shown["runs_forgotten"], shown["notifications_forgotten"]) == (1, 1, 1)
    done = went_well(recurring.run("tidy", "maintenance"))
    assert (done["orphan_bytes"], done["runs_forgotten"], done["overdue_leases"]) == (1, 1, 0)
    assert recurring.sql("select 1 from schedule_runs where entry = 'forgotten'") == []
    left = recurring.sql("select event from deliveries where target = 'https://example.com' order by event")
    assert [row["event"] for row in left] == ["alert.1", "alert.2"]
    assert recurring.sql("select 1 from documents where name = 'forgotten'") == []


def test_what_claims_to_read_cannot_write_in_a_rehearsal(recurring: Recurring) -> None:
    run = recurring.run("thief", "sneak", rehearsal=True)
    assert run.outcome == "failed"
    assert "read-only" in (run.reason or "")
    assert went_well(recurring.run("thief", "sneak")) == {}


def test_a_task_that_refuses(recurring: Recurring) -> None:
    run = recurring.run("no", "refuse")
    assert (run.outcome, run.reason) == ("failed", "it cannot be done")


def test_recurring_jobs_are_not_among_the_documents(recurring: Recurring) -> None:
    """They are shown when they are asked for."""
    run = recurring.run("quiet", "nothing")
    client: Client = recurring.client
    assert ".schedule" not in {each.name for each in client.collections()}
    assert run.job_id not in {job.id for job in client.jobs(limit=1000)}
    assert run.job_id in {job.id for job in client.jobs(collection=".schedule", limit=1000)}
