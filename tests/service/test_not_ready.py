"""A service that cannot do its work, since an operator made a mistake: documents wait, and say for what."""

import time
from pathlib import Path

from app.development.service import service
from docrelay import Client


def test_documents_wait_for_a_model_that_is_missing(tmp_path: Path) -> None:
    """Nothing fails and nothing is charged; the job names the model."""
    with service(tmp_path / "home", embedding_model="no-such-model") as stack, Client(stack.database_url) as client:
        job = client.submit(b"A text that nobody can embed here.", name="patient.txt")
        give_up = time.monotonic() + 60
        while "no-such-model" not in (client.get(job.id).waiting_because or ""):
            assert time.monotonic() < give_up, client.get(job.id)
            time.sleep(0.2)
        job = client.get(job.id)
        assert job.status == "running"
        vectorize = job.stages[1]
        assert (vectorize.status, vectorize.failures) == ("ready", 0)
        assert vectorize.error is not None
        assert vectorize.error.code == "not_ready"
        assert "held up by the service" in [event.kind for event in client.events(job.id)]
