"""Somebody who waits for the notifications of a run."""

import json

from app.development import receiver
from app.development.receiver import Answer


class Receiver(receiver.Receiver):
    """Remembers of which jobs it was told, and how."""

    def __init__(self) -> None:
        """Choose a port; `url` is valid at once."""
        super().__init__()
        self.told: dict[str, set[str]] = {}
        """By job, the outcomes it was told."""

    def answer(self, path: str, body: bytes, *, verified: bool) -> Answer:
        """Take everything."""
        data = json.loads(body)["data"]
        self.told.setdefault(data["job_id"], set()).add(data["status"])
        return super().answer(path, body, verified=verified)
