"""Runs the service's processes together: the heart of `up`, also for tests and the demo.

Why not an existing supervisor: docs/decisions/0004-own-supervisor.md.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final

from app.stack.console import Console
from app.stack.fleet import Role
from app.stack.guard import Guard
from app.stack.keeper import Command, Keeper

GRACE_SECONDS: Final = 10.0
"""On top of what a running stage may take after SIGTERM: for the process itself to say goodbye."""


class Supervisor:
    """Keeps every role running until it is told to stop; use as a context manager.

    Entering starts them all, each in a session of its own; leaving stops them all. Whatever ends this
    process, even SIGKILL, nothing that it started lives on.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        console: Console,
        *,
        environment: Mapping[str, str],
        folder: Path | None = None,
        stop_seconds: float = GRACE_SECONDS,
    ) -> None:
        """Prepare; nothing runs yet.

        Args:
            roles: what to run.
            console: where their lines go.
            environment: added to ours for each of them; secrets travel here, not on command lines.
            folder: their working directory, ours if not given.
            stop_seconds: how long they may take to stop before they are killed.
        """
        self._console = console
        self._stop_seconds = stop_seconds
        self._guard = Guard()
        self._hurried = False
        self._keepers = {role.name: self._keeper(role, environment, folder) for role in roles}

    def _keeper(self, role: Role, environment: Mapping[str, str], folder: Path | None) -> Keeper:
        marked = {**environment, **self._guard.environment(role.name)}
        return Keeper(
            Command(role.name, role.argv, marked, folder),
            line=self._console.line,
            say=self._console.say,
            # The document processes of a worker that died would go on for nobody, beside the new one's.
            died=lambda: self._guard.kill(role.name),
        )

    def __enter__(self) -> "Supervisor":
        """Start everything.

        Raises:
            OSError: a program could not be started; those already started are stopped.
        """
        self._guard.__enter__()
        try:
            for keeper in self._keepers.values():
                keeper.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        self.stop()

    def pids(self) -> dict[str, int | None]:
        """The number of each role's process, None for one that is not running just now."""
        return {name: keeper.pid for name, keeper in self._keepers.items()}

    def hurry(self) -> None:
        """Have a `stop` that is under way kill the rest at once; safe in a signal handler."""
        self._hurried = True

    def stop(self) -> None:
        """Tell all to stop, wait as long as was agreed, kill what is left and say what that was."""
        for keeper in self._keepers.values():
            keeper.ask_to_stop()
        self._wait_for_all(time.monotonic() + self._stop_seconds)
        for name in (name for name, pid in self.pids().items() if pid is not None):
            waited = "at once" if self._hurried else f"in {self._stop_seconds:g} s"
            self._console.say(f"did not stop {waited} and was killed", name)
        self._guard.kill()  # the late ones, and whatever the others left behind
        for keeper in self._keepers.values():
            keeper.wait(2)
        self._guard.__exit__()

    def _wait_for_all(self, deadline: float) -> None:
        while any(pid is not None for pid in self.pids().values()):
            if self._hurried or time.monotonic() >= deadline:
                return
            time.sleep(0.05)
