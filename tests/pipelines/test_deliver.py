"""Deliveries to a real receiver on this machine, well-behaved and otherwise."""

import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import ClassVar

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.receivers import secret_for
from pipelines.deliver import Allowed, GiveUp, Message, TryAgain
from pipelines.deliver.webhook import Webhook as Channel
from pipelines.deliver.webhook import retry_after

SECRET = secret_for("master", "https://example.com/hook")
PAYLOAD = {"type": "job.succeeded", "name": "Größe"}
MESSAGE = Message("msg_1", "job.succeeded", PAYLOAD)
HERE = Allowed.of(["127.0.0.1"])


class Receiver(BaseHTTPRequestHandler):
    """Answers as the path says; ``/status/404`` with 404, ``/drip`` one byte at a time, and so on."""

    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        Receiver.seen.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        kind, _, value = self.path[1:].partition("/")
        try:
            getattr(self, f"answer_{kind}")(value)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def answer_status(self, value: str) -> None:
        body = f"answer {value}\n".encode()
        self.send_response(int(value))
        self.send_header("content-length", str(len(body)))
        self.send_header("location", "/status/200")
        self.send_header("retry-after", "120")
        self.end_headers()
        self.wfile.write(body)

    def answer_silence(self, value: str) -> None:
        time.sleep(float(value))
        self.close_connection = True

    def answer_drip(self, value: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nx-drip: ")
        for _ in range(int(value)):
            self.wfile.write(b".")
            time.sleep(0.05)

    def answer_dripbody(self, value: str) -> None:
        self.send_response(200)
        self.send_header("content-length", value)
        self.end_headers()
        for _ in range(int(value)):
            self.wfile.write(b".")
            time.sleep(0.05)

    def answer_huge(self, value: str) -> None:
        self.send_response(200)
        self.send_header("content-length", value)
        self.end_headers()
        for _ in range(int(value) // 65_536):
            self.wfile.write(b"x" * 65_536)

    def answer_nothing(self, _: str) -> None:
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


@pytest.fixture(scope="module")
def receiver() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def send(url: str, timeout: float = 5, now: datetime | None = None, *secrets: str) -> "tuple[int | None, str]":
    channel = Channel(url, secrets=secrets or (SECRET,), allowed=HERE)
    answer = channel.send(MESSAGE, now=now or datetime.now(UTC), timeout=timeout)
    return answer.status_code, answer.excerpt


def test_the_receiver_can_verify_it(receiver: str) -> None:
    assert send(f"{receiver}/status/200") == (200, "answer 200")
    _, headers, body = Receiver.seen[-1]
    assert headers["webhook-id"] == "msg_1"
    assert headers["content-type"] == "application/json"
    assert Webhook(SECRET).verify(body, headers) == PAYLOAD == json.loads(body)


def test_the_time_may_be_in_any_zone(receiver: str) -> None:
    send(f"{receiver}/status/204", now=datetime.now(timezone(timedelta(hours=5, minutes=30))))
    _, headers, body = Receiver.seen[-1]
    Webhook(SECRET).verify(body, headers)


@pytest.mark.parametrize("status", [500, 502, 503, 400, 401, 404, 408, 425, 429])
def test_may_pass_by_itself(receiver: str, status: int) -> None:
    with pytest.raises(TryAgain) as caught:
        send(f"{receiver}/status/{status}")
    assert caught.value.code == "refused"
    assert f"answered {status}: answer {status}" in caught.value.message
    assert (caught.value.status_code, caught.value.excerpt) == (status, f"answer {status}")
    assert caught.value.retry_after == 120


@pytest.mark.parametrize(("status", "code"), [(410, "gone"), (302, "redirected"), (307, "redirected")])
def test_never_passes(receiver: str, status: int, code: str) -> None:
    with pytest.raises(GiveUp) as caught:
        send(f"{receiver}/status/{status}")
    assert caught.value.code == code
    assert str(status) in caught.value.message


def test_redirects_are_not_followed(receiver: str) -> None:
    before = len(Receiver.seen)
    with pytest.raises(GiveUp, match="redirect"):
        send(f"{receiver}/status/307")
    assert len(Receiver.seen) == before + 1


@pytest.mark.parametrize("path", ["silence/3", "drip/60", "dripbody/60"])
def test_nobody_is_waited_for_longer_than_the_limit(receiver: str, path: str) -> None:
    started = time.monotonic()
    with pytest.raises(TryAgain) as caught:
        send(f"{receiver}/{path}", timeout=0.5)
    assert caught.value.code == "timeout"
    assert "within 0.5 s" in caught.value.message
    assert time.monotonic() - started < 1.5


def test_nor_is_a_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(10))
    started = time.monotonic()
    with pytest.raises(TryAgain) as caught:
        send("http://slow-names.example/hook", timeout=0.3)
    answered.set()
    assert caught.value.code == "timeout"
    assert time.monotonic() - started < 2


def test_a_huge_answer_is_not_read(receiver: str) -> None:
    status, excerpt = send(f"{receiver}/huge/{1 << 30}")
    assert (status, excerpt) == (200, "x" * 1024)


def test_a_connection_that_closes_without_an_answer(receiver: str) -> None:
    with pytest.raises(TryAgain) as caught:
        send(f"{receiver}/nothing")
    assert caught.value.code == "unreachable"


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(TryAgain) as caught:
        send(f"http://127.0.0.1:{port}/hook?token=hidden")
    assert caught.value.code == "unreachable"
    assert f"http://127.0.0.1:{port}/hook" in caught.value.message
    assert "hidden" not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "unix:///var/run/docker.sock",
        "example.com/hook",
        "http://",
        "",
        "http://[::1",
        "http://user:hidden@example.com/",
        "http://example.com\r\nx-injected: 1/",
        "http://example.com/a\r\nx-injected: 1",
        "http://example.com/a b",
        "http://example.com/\0",
        "http://example.com/" + "a" * 5000,
    ],
)
def test_bad_urls(url: str) -> None:
    with pytest.raises(GiveUp) as caught:
        send(url)
    assert caught.value.code == "bad_url"
    assert "hidden" not in caught.value.message


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%"])
def test_bad_secrets(secret: str) -> None:
    with pytest.raises(GiveUp) as caught:
        send("http://127.0.0.1:9/", 5, None, secret)
    assert caught.value.code == "bad_secret"


def test_while_secrets_are_changed_both_verify(receiver: str) -> None:
    """A receiver that has only the old one, and one that has only the new one."""
    old, new, other = (secret_for(master, "https://example.com/hook") for master in ("old", "new", "other"))
    send(f"{receiver}/status/200", 5, None, new, old)
    _, headers, body = Receiver.seen[-1]
    for secret in (old, new):
        Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(body, headers)


def test_a_header_cannot_be_injected(receiver: str) -> None:
    """By the id, which is the only text in a header that is not ours."""
    with pytest.raises(TryAgain, match="cannot be reached"):
        Channel(f"{receiver}/status/200", secrets=(SECRET,), allowed=HERE).send(
            Message("1\r\nx-injected: 1", "job.succeeded", PAYLOAD), now=datetime.now(UTC), timeout=5
        )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Sat, 21 Nov 2026 12:01:00 GMT", 60),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("999999999999", 24 * 3600),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after(value, datetime(2026, 11, 21, 12, 0, tzinfo=UTC)) == seconds


def test_secrets_are_stable_and_differ_by_target_and_master() -> None:
    url = "https://example.com/hook"
    assert secret_for("master", url) == SECRET
    assert SECRET.startswith("whsec_")
    assert len({SECRET, secret_for("other", url), secret_for("master", url + "2")}) == 3
    with pytest.raises(ValueError, match="empty"):
        secret_for("", url)
