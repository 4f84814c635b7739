"""The only dispatcher stands still: Beat tells, and tells that it is back."""

from pathlib import Path

import psutil

from app.development.receiver import Receiver
from app.development.service import service
from tests.notifications.test_without_broker import wait_for

SILENT = "alert.dispatcher.silent"


def test_it_is_told_by_beat(tmp_path: Path) -> None:
    with Receiver() as receiver:
        file = tmp_path / "notify.toml"
        file.write_text(f'[alerts]\ntargets = ["{receiver.url}"]\ngrace_seconds = 2\n')
        with service(tmp_path / "home", webhook_secret="master", notify_file=file) as stack:
            dispatcher = psutil.Process(stack.supervisor.pids()["dispatch"])
            dispatcher.suspend()
            try:
                wait_for(receiver, (SILENT, "fired"), 60)
            finally:
                dispatcher.resume()
            wait_for(receiver, (SILENT, "cleared"), 60)
            assert all(request.verified for request in receiver.requests)
