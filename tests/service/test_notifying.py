"""One notification at a time: what its row says after a try."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from config.settings import settings
from docrelay.ids import new_id
from docrelay.names import DeliveryStatus
from tasks.notify import _send


def test_a_service_without_a_secret_keeps_what_it_has_to_send(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits until the operator has set one, and says so."""
    monkeypatch.delenv("DOCRELAY_WEBHOOK_SECRET", raising=False)
    settings.cache_clear()
    row = SimpleNamespace(
        id=new_id(), target="http://127.0.0.1:9/", payload={"type": "job.failed"}, tries=0, created_at=datetime.now(UTC)
    )
    changes = _send(row)
    assert changes["status"] is DeliveryStatus.PENDING
    assert "DOCRELAY_WEBHOOK_SECRET" in changes["error"]
    assert changes["due_at"] > row.created_at
