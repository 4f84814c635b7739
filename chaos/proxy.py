"""A relay in front of a server.

It can be slow, and it can lose the answer to a COMMIT: Postgres did it, the client cannot know.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

COMMIT = b"COMMIT\0"
"""How psycopg spells it, and how the server's answer names what it has done."""

READ_BYTES = 64 * 1024


@dataclass(slots=True, eq=False)
class _Pair:
    client: socket.socket
    server: socket.socket
    port: int
    """At which of ours the client came in."""
    committing: bool = False

    def close(self) -> None:
        for each in (self.client, self.server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""As Postgres is set up to notice a client that is gone without a word."""


def _notice_silence(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):  # macOS calls one of them otherwise
            client.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


@dataclass(slots=True)
class Proxy:
    """Listens on a free loopback port and passes everything on; a context manager."""

    target_port: int
    lost: int = 0
    """Answers to a COMMIT that were lost so far."""
    late: int = 0
    """Pieces that came late so far."""
    port: int = 0
    _to_lose: int = 0
    _away: bool = False
    _delays: dict[int, float] = field(default_factory=dict)
    _pairs: set[_Pair] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listeners: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Listen."""
        self.port = self.listen("127.0.0.1")
        return self

    def listen(self, address: str) -> int:
        """Listen at one more address of this machine; the port there."""
        listener = socket.create_server((address, 0), backlog=128)
        self._listeners.append(listener)
        port = int(listener.getsockname()[1])
        threading.Thread(target=self._accept, args=(listener, port), name="proxy", daemon=True).start()
        return port

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take no more connections."""
        for listener in self._listeners:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def lose(self, answers: int) -> None:
        """Lose the answers to the next so many COMMITs, and cut their connections."""
        with self._lock:
            self._to_lose = answers

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Cut every connection, and let nobody in until the block ends."""
        with self._lock:
            self._away = True
            pairs = list(self._pairs)
        for pair in pairs:
            pair.close()
        try:
            yield
        finally:
            self._away = False

    @contextlib.contextmanager
    def slow(self, port: int, seconds: float) -> Iterator[None]:
        """Hold up each piece of what passes through that port, in either direction, until the block ends."""
        self._delays[port] = seconds
        try:
            yield
        finally:
            del self._delays[port]

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, port), name="proxy-pair", daemon=True).start()

    def _serve(self, client: socket.socket, port: int) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
        except OSError:
            client.close()
            return
        for each in (client, server):
            each.settimeout(None)
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _notice_silence(client)
        pair = _Pair(client, server, port)
        with self._lock:
            self._pairs.add(pair)
        if self._away:
            pair.close()
        threading.Thread(target=self._answers, args=(pair,), name="proxy-answers", daemon=True).start()
        self._requests(pair)
        with self._lock:
            self._pairs.discard(pair)

    def _requests(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.client.recv(READ_BYTES):
                self._hold_up(pair)
                pair.committing = data.endswith(COMMIT)
                pair.server.sendall(data)
        pair.close()

    def _answers(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while data := pair.server.recv(READ_BYTES):
                if pair.committing and COMMIT in data and self._loses():
                    break
                self._hold_up(pair)
                pair.client.sendall(data)
        pair.close()

    def _hold_up(self, pair: _Pair) -> None:
        if seconds := self._delays.get(pair.port):
            time.sleep(seconds)
            with self._lock:
                self.late += 1

    def _loses(self) -> bool:
        with self._lock:
            if not self._to_lose:
                return False
            self._to_lose -= 1
            self.lost += 1
            return True
