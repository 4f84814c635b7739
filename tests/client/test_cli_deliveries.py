"""`docrelay deliveries`: which notifications there are, every try, and sending again."""

import json
from datetime import UTC, datetime

import pytest

from docrelay import Client, Conflict, NotFound
from docrelay.transitions import deliveries
from docrelay.transitions.deliveries import Tried
from tests.client.shell import Run
from tests.transitions.service import Service

TARGET = "https://partner.example/hook?token=hidden"


@pytest.fixture
def failed(service: Service) -> str:
    """The id of a notification that was tried twice and given up."""
    job = service.submit(notify=[TARGET])
    service.cancel(job)
    (row,) = service.deliveries(job)
    for status_code, final in ((503, False), (410, True)):
        tried = Tried(datetime.now(UTC), 0.25, "tester", status_code, "closed\0 now", f"answered {status_code}", final)
        with service.engine.begin() as connection:
            deliveries.note(connection, row["id"], tried, pause=1, patience=60)
    assert "notification given up" in service.kinds(job)
    return str(row["id"])


def test_list_show_and_replay(docrelay: Run, failed: str) -> None:
    assert docrelay("deliveries", "list", "--status", "failed").lines == [
        [failed, "failed", "job.cancelled", "https://partner.example/hook?…", "2", "answered 410"]
    ]
    shown = docrelay("deliveries", "show", failed[-8:])
    assert "hidden" not in shown.out
    assert [line[0] for line in shown.lines[-2:]] == ["1", "2"]
    assert [line[3] for line in shown.lines[-2:]] == ["503", "410"]
    whole = json.loads(docrelay("deliveries", "show", failed, "--json").out)
    assert [(each["status_code"], each["answer"], each["seconds"]) for each in whole["attempts"]] == [
        (503, "closed now", 0.25),
        (410, "closed now", 0.25),
    ]
    again = docrelay("deliveries", "replay", "--failed", "--target", TARGET)
    assert (again.code, again.lines) == (0, [[failed, "job.cancelled", "https://partner.example/hook?…"]])
    assert docrelay("deliveries", "list", "--status", "failed").lines == []
    twice = docrelay("deliveries", "replay", failed)
    assert (twice.code, "only delivered and failed ones" in twice.err) == (1, True)


def test_ids_that_are_none(docrelay: Run, client: Client, failed: str) -> None:
    assert docrelay("deliveries", "show", "beef").code == 1
    assert docrelay("deliveries", "replay").code == 2
    with pytest.raises(NotFound):
        client.delivery("01a1fba4-c3d7-74ee-a66e-30b3e518f4d2")
    client.replay(failed)
    with pytest.raises(Conflict):
        client.replay(failed)
