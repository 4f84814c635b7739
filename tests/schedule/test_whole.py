"""Recurring tasks on real documents: synced from a folder by Beat, searched, checked, thinned out, reported on."""

import time
from collections.abc import Iterator

import pytest

from app.development.receiver import Receiver
from app.development.server import RabbitMQ
from tests.schedule.conftest import Recurring, recurring_service
from tests.servers.database import Databases

SECRET = "a master secret for tests"
NAMES = "apples bears comets dances engines ferries glaciers hammers islands jackets kettles ladders".split()
NOTE = "All that we know of {} is written in this note, and nothing else."
OF = """
    where text_hash in (select k.text_hash from chunks k join documents d on d.id = k.document_id where d.name = :name)
"""
TURNED = f"""
    update embeddings
    set vector = (select ('[' || string_agg((-x)::text, ',') || ']')::vector from unnest(vector::real[]) x) {OF}
"""
SCHEDULE = """
[notes]
every = "2s"
task = "sync"
arguments = {{ source = "{folder}", collection = "notes" }}
rehearsal = "off"
"""


@pytest.fixture(scope="module")
def whole(
    databases: Databases, migrated: str, rabbitmq: RabbitMQ, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Recurring]:
    """The service with its workers for documents, and notes in a folder that Beat has synced."""
    home = tmp_path_factory.mktemp("whole")
    folder = home / "notes"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.txt").write_text(NOTE.format(name))
    name = databases.create(migrated)
    schedule = SCHEDULE.format(folder=folder)
    roles = ("parse", "vectorize", "notify")
    with recurring_service(
        home, databases.url(name), rabbitmq, schedule, others=roles, webhook_secret=SECRET, delivery_allow="127.0.0.1"
    ) as stack:
        running = Recurring(stack)
        give_up = time.monotonic() + 120
        while len(running.client.jobs(collection="notes", status="succeeded")) < len(NAMES):
            assert time.monotonic() < give_up
            time.sleep(0.2)
        (home / "schedule.toml").write_text("")
        yield running
        running.close()
    databases.drop(name)


def test_beat_has_synced_and_search_finds(whole: Recurring) -> None:
    (hit, *_) = whole.client.search("what do we know of bears", collection="notes")
    assert hit.document.name == "bears.txt"
    rows = whole.sql("select outcome, detail from schedule_runs where entry = 'notes' order by due_at limit 1")
    assert rows[0]["outcome"] == "succeeded"
    assert rows[0]["detail"]["new"] == len(NAMES)


@pytest.mark.parametrize("mode", ["vector", "text"])
def test_verify_passes_what_is_whole(whole: Recurring, mode: str) -> None:
    run = whole.run(f"check-{mode}", "verify", collection="notes", search=mode)
    assert run.outcome == "succeeded", run.reason
    assert run.detail == {"looked_at": len(NAMES), "not_whole": 0}


def test_verify_names_what_search_does_not_find(whole: Recurring) -> None:
    """A vector that points elsewhere, and one that is gone."""
    whole.sql(TURNED, name="bears.txt")
    run = whole.run("check-turned", "verify", collection="notes")
    (problem,) = run.detail["problems"]
    assert (run.outcome, problem["document"]) == ("failed", "bears.txt")
    assert problem["problem"] == "a vector search for a passage of it does not find it"
    whole.sql(TURNED, name="bears.txt")
    assert whole.run("check-turned", "verify", collection="notes").outcome == "succeeded"
    whole.sql(f"delete from embeddings {OF}", name="bears.txt")
    run = whole.run("check-gone", "verify", collection="notes")
    (problem,) = run.detail["problems"]
    assert (problem["document"], problem["problem"]) == ("bears.txt", "1 of its 1 passages have no vector")


def test_retention_of_vectors(whole: Recurring) -> None:
    """Not found any more, and not missed by `verify`; submitted again, it is indexed again."""
    rule = {"collection": "notes", "keep": len(NAMES) - 2, "remove": ["vectors"]}
    shown = whole.run("thin", "retention", rehearsal=True, rules=[rule])
    assert (shown.detail["vectors"], len(_searchable(whole))) == (2, len(NAMES))
    assert whole.run("thin", "retention", rules=[rule]).detail["vectors"] == 2
    left = _searchable(whole)
    assert len(left) == len(NAMES) - 2
    checked = whole.run("check-thin", "verify", collection="notes", search="text")
    assert {each["document"] for each in checked.detail.get("problems", [])} <= {"bears.txt"}
    (gone, *_) = set(NAMES) - left
    again = whole.client.submit(NOTE.format(gone).encode(), name=f"{gone}.txt", collection="notes")
    assert whole.client.wait(again.id, timeout=60).same_as is None
    assert gone in _searchable(whole)


def test_a_digest_arrives(whole: Recurring) -> None:
    """As a signed webhook, by the dispatcher."""
    with Receiver(SECRET) as receiver:
        assert whole.run("report", "digest", to=[receiver.at("/digest")]).detail["sent"] == 1
        give_up = time.monotonic() + 30
        while not (got := [each.payload for each in receiver.requests if each.answered == 204]):
            assert time.monotonic() < give_up, whole.sql(
                "select status, tries, target, due_at, now() as at from deliveries where event = 'digest'"
            )
            time.sleep(0.1)
    assert got[0]["type"] == "digest"
    assert {"status": "succeeded", "jobs": len(NAMES) + 1} in got[0]["data"]["jobs"]


def _searchable(whole: Recurring) -> set[str]:
    rows = whole.sql(
        "select distinct d.name from documents d join chunks k on k.document_id = d.id where collection = 'notes'"
    )
    return {row["name"].removesuffix(".txt") for row in rows}
