"""What every private RabbitMQ can do, whatever runs it."""

import random
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import Self

import httpx
from kombu import Connection

START_SECONDS = 90.0


class ServerError(RuntimeError):
    """A server cannot be started; says why, and what would help."""


class RabbitMQ(ABC):
    """A RabbitMQ of one's own on free loopback ports, gone after the `with` block."""

    def __init__(self) -> None:
        """Choose the ports; entering the `with` block starts the server."""
        self.port, self.api_port = free_ports(2)

    @property
    def url(self) -> str:
        """What `DOCRELAY_BROKER_URL` takes."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    @property
    def api_url(self) -> str:
        """What `DOCRELAY_BROKER_API_URL` takes."""
        return f"http://guest:guest@127.0.0.1:{self.api_port}"

    def __enter__(self) -> Self:
        """Start, and wait until it answers.

        Raises:
            ServerError: it does not come up; the end of its log is in the message.
        """
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it with everything it started, and remove its data."""
        self.close()

    def start(self) -> None:
        """Start it with the data it has, and wait until clients can use it.

        Raises:
            ServerError: it does not come up.
        """
        self._launch()
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            trouble = self._trouble()
            if trouble or time.monotonic() > end:
                raise ServerError(f"RabbitMQ does not come up: {trouble or 'it takes too long'}\n{self._log()}")
            time.sleep(0.1)

    def restart(self) -> None:
        """Stop it gently and start it again with its data."""
        self.stop()
        self.start()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Hold it still (SIGSTOP): connections stay open and nothing answers."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    @contextmanager
    def alarmed(self) -> Iterator[None]:
        """Raise its memory alarm: publishers are blocked, consumers are not."""
        self.rabbitmqctl("set_vm_memory_high_watermark", "0")
        try:
            yield
        finally:
            self.rabbitmqctl("set_vm_memory_high_watermark", "0.4")

    def purge(self, queue: str) -> int:
        """Destroy the messages that wait in a queue; how many there were."""
        with Connection(self.url, connect_timeout=5) as connection:
            return int(connection.default_channel.queue_purge(queue))

    @abstractmethod
    def stop(self) -> None:
        """Stop it gently; its data stay."""

    @abstractmethod
    def kill(self) -> None:
        """Kill it (SIGKILL); its data stay as they are."""

    @abstractmethod
    def freeze(self) -> None:
        """Hold it still."""

    @abstractmethod
    def thaw(self) -> None:
        """Let it run again."""

    @abstractmethod
    def rabbitmqctl(self, *arguments: str) -> str:
        """Run an administrator's command in it; what that printed.

        Raises:
            ServerError: the command failed.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop whatever runs and remove the data; may be called at any time."""

    @abstractmethod
    def _launch(self) -> None: ...

    @abstractmethod
    def _trouble(self) -> str:
        """Why it will never come up, or nothing."""

    @abstractmethod
    def _log(self) -> str: ...

    def _answers(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=2) as connection:
                connection.connect()
            return httpx.get(f"{self.api_url}/api/overview", timeout=2).is_success
        except (OSError, httpx.HTTPError, *Connection(self.url).connection_errors):
            return False


SERVER_PORTS = range(20_000, 30_000)
"""Below those that Linux gives to outgoing connections: a server that was killed gets its port again."""


def free_ports(count: int) -> list[int]:
    """Loopback ports that nothing listened on a moment ago, all different."""
    ports: list[int] = []
    with ExitStack() as held:
        for port in random.sample(SERVER_PORTS, len(SERVER_PORTS)):
            with suppress(OSError):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise ServerError(f"no free ports in {SERVER_PORTS.start} to {SERVER_PORTS.stop}")
