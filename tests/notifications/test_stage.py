"""The notify stage of a job, run as a worker runs it."""

import socket
import time
from collections.abc import Iterator

import pytest

from app import work
from app.development.receiver import Answer, Receiver
from app.work import run_stage
from docrelay import Client
from docrelay.names import DeliveryStatus
from tasks import sending
from tasks.notify import send_notifications
from tests.notifications.test_sending import forget
from tests.transitions.service import Service


class Timed(Receiver):
    """Notes when something came."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[float] = []

    def answer(self, path: str, body: bytes, *, verified: bool) -> Answer:
        self.came.append(time.monotonic())
        return super().answer(path, body, verified=verified)


@pytest.fixture
def receiver(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Timed]:
    """This process as a notify worker, and somebody who waits."""
    values = {"DATABASE_URL": url, "DELIVERY_ALLOW": "127.0.0.1", "WEBHOOK_SECRET": "master", "RETRY_SECONDS": "0.05"}
    for name, value in values.items():
        monkeypatch.setenv(f"DOCRELAY_{name}", value)
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 2.0)
    with Timed() as receiver:
        forget()
        work.keeper.cache_clear()
        yield receiver
        forget()
        work.keeper.cache_clear()


def notify(service: Service, job_id: object) -> str:
    """Announced, and taken."""
    service.sql("update deliveries set due_at = now() where job_id = :id and status = 'pending'", id=job_id)
    (row,) = service.sql(
        "update stage_runs set due_at = now() "
        "where job_id = :id and stage = 'notify' and status = 'ready' returning id",
        id=job_id,
    )
    return run_stage(str(row["id"]), "message", send_notifications)


def test_a_target_that_hangs_delays_no_other(client: Client, service: Service, receiver: Timed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        job = client.submit(b"hello", name="a.txt", notify=[hanging, receiver.url])
        client.cancel(job.id)
        begun = time.monotonic()
        assert notify(service, job.id) == "done"
        assert receiver.came[0] - begun < 1.5 < time.monotonic() - begun
    states = {row["target"]: (row["status"], row["error"]) for row in service.deliveries(job)}
    assert states[receiver.url] == (DeliveryStatus.DELIVERED, None)
    assert states[hanging][0] == DeliveryStatus.PENDING
    assert "did not answer within 2 s" in str(states[hanging][1])
    stage = service.stage(job, "notify")
    assert (stage["status"], stage["failures"]) == ("ready", 0), "a receiver's trouble is not the job's"


def test_two_outcomes_of_a_job_arrive_in_order(client: Client, service: Service, receiver: Timed) -> None:
    """Though the first could not be delivered when the second happened."""
    receiver.behave((503, {}, b""))
    job = client.submit(b"hello", name="a.txt", pipeline="extract", notify=[receiver.url])
    client.cancel(job.id)
    notify(service, job.id)
    client.retry(job.id)
    service.succeed(service.claim(job))
    receiver.behave((503, {}, b""), (204, {}, b""))
    while [row["status"] for row in service.deliveries(job)] != ["delivered", "delivered"]:
        notify(service, job.id)
    told = [(request.event, request.answered) for request in receiver.requests]
    assert told == [("job.cancelled", 503), ("job.cancelled", 503), ("job.cancelled", 204), ("job.succeeded", 204)]
    assert service.stage(job, "notify")["status"] == "succeeded"
    assert service.stage(job, "notify")["result"] == {"delivered": 2, "failed": 0}
