"""No trick leads a notification to an address that is not public, unless the operator allowed it."""

import datetime as dt
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from app.receivers import secret_for
from pipelines.deliver import Allowed, Answer, GiveUp, Message, TryAgain, Webhook, webhook
from pipelines.deliver.addresses import forbidden
from tests.servers.certificate import certificate

NOBODY = Allowed()


def send(url: str, allowed: Allowed = NOBODY) -> Answer:
    channel = Webhook(url, secrets=[secret_for("master", url)], allowed=allowed)
    return channel.send(Message("1", "test", {"type": "test"}), now=dt.datetime.now(dt.UTC), timeout=3)


class Inside:
    """A server that must not be reached; it keeps what it got all the same."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.hosts: list[str | None] = []
        inside = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                inside.hosts.append(self.headers["host"])
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self.server = ThreadingHTTPServer((address, port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port

    def start(self) -> None:
        Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def listening(address: str = "127.0.0.1", port: int = 0) -> Iterator[Inside]:
    server = Inside(address, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def inside() -> Iterator[Inside]:
    with listening() as server:
        yield server


LOOPBACK = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",  # decimal
    "0x7f000001",  # hexadecimal
    "0x7f.0.0.1",
    "0177.0.0.1",  # octal
    "017700000001",
    "0177.0x0.0.1",
    "00000000177.0.0.01",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",  # mapped
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",  # compatible
    "[64:ff9b::127.0.0.1]",  # NAT64
    "[2002:7f00:1::]",  # 6to4
    "[fe80::5efe:127.0.0.1]",  # ISATAP
    "[2a00:1450::200:5efe:7f00:1]",
    "①②⑦.⓪.⓪.①",  # full-width and circled digits are digits for IDNA
    "127。0。0。1",
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_no_spelling_of_loopback_is_reached(inside: Inside, host: str) -> None:
    before = len(inside.hosts)
    # Some of them are no URL or no name any more, which is as good.
    with pytest.raises((GiveUp, TryAgain)) as caught:
        send(f"http://{host}:{inside.port}/hook")
    assert caught.value.code in ("blocked", "bad_url", "unreachable")
    assert len(inside.hosts) == before


@pytest.mark.parametrize(
    "address",
    """
    169.254.169.254 169.254.170.2 fd00:ec2::254 168.63.129.16 100.100.100.200 192.0.0.192 ::ffff:169.254.169.254
    ::a9fe:a9fe 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe:: 64:ff9b:1::a9fe:a9fe 2001:0:a9fe:a9fe::1 fe80::1 fe80::1%eth0
    10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 ::ffff:10.0.0.1 64:ff9b::10.0.0.1 fc00::1 fd12:3456::1 fec0::1
    100.64.0.1 224.0.0.1 255.255.255.255 ff02::1 240.0.0.1 198.18.0.1 192.0.2.1 198.51.100.1 203.0.113.1 192.88.99.1
    2001:db8::1 3fff::1 5f00::1 100::1 0.0.0.1
    """.split(),
)
def test_no_internal_address_is_connected_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Whatever name stands for it."""
    _resolve(monkeypatch, [[address]])
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("it connected"))
    with pytest.raises(GiveUp) as caught:
        send("http://innocent.example/hook")
    assert caught.value.code == "blocked"
    assert "DOCRELAY_DELIVERY_ALLOW" in caught.value.message


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
)
def test_public_addresses_are_allowed(address: str) -> None:
    """NAT64 too: in networks of IPv6 alone, it is the way to receivers of IPv4 alone."""
    assert NOBODY.why_not("receiver.example", address) is None


def test_one_internal_address_among_public_ones_refuses_all(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve(monkeypatch, [["93.184.215.14", "10.0.0.1"]])
    with pytest.raises(GiveUp, match=r"10\.0\.0\.1, private"):
        send("http://innocent.example/hook")


def test_the_address_that_was_checked_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name whose second answer is another address (DNS rebinding): there is no second question."""
    with listening("127.0.0.2") as meant, listening("127.0.0.3", meant.port) as secret:
        asked = _resolve(monkeypatch, [["127.0.0.2"], ["127.0.0.3"]])
        send(f"http://rebinding.example:{meant.port}/hook", Allowed.of(["127.0.0.2"]))
        assert meant.hosts == [f"rebinding.example:{meant.port}"]
        assert asked == ["rebinding.example"]
        with pytest.raises(GiveUp, match="loopback"):
            send(f"http://rebinding.example:{meant.port}/hook", Allowed.of(["127.0.0.2"]))
        assert secret.hosts == []


def test_the_next_address_is_tried_when_one_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening("127.0.0.3") as server:
        _resolve(monkeypatch, [["127.0.0.2", "127.0.0.3"]])
        assert send(f"http://two.example:{server.port}/", Allowed.of(["127.0.0.0/8"])).status_code == 204


def test_a_redirect_to_the_metadata_service_is_not_followed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                location = b"http://169.254.169.254/latest/meta-data/"
                connection.sendall(b"HTTP/1.1 307 Moved\r\nlocation: " + location + b"\r\ncontent-length: 0\r\n\r\n")

        Thread(target=answer, daemon=True).start()
        with pytest.raises(GiveUp) as caught:
            send(f"http://127.0.0.1:{port}/", Allowed.of(["127.0.0.1"]))
    assert caught.value.code == "redirected"


def test_a_proxy_of_the_environment_does_not_undo_it(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{inside.port}")
    before = len(inside.hosts)
    _resolve(monkeypatch, [["10.0.0.1"]])
    with pytest.raises(GiveUp, match="private"):
        send("http://innocent.example/")
    assert len(inside.hosts) == before


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.0/8", "localhost", "LocalHost."])
def test_what_the_operator_allows_is_reached(inside: Inside, entry: str) -> None:
    assert send(f"http://localhost:{inside.port}/", Allowed.of([entry, "::1"])).status_code == 204


def test_a_mapped_address_is_allowed_with_the_one_it_stands_for() -> None:
    allowed = Allowed.of([" 10.1.0.0/16 ", ""])
    assert allowed.why_not("x", "::ffff:10.1.2.3") is None
    assert allowed.why_not("x", "::ffff:10.2.2.3") == "private"


@pytest.mark.parametrize("entry", ["10.0.0.0/8/8", "10.0.0.1/8", "300.1.1.1", "::g"])
def test_a_wrong_entry_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="expected an address"):
        Allowed.of([entry])


def test_certificates_are_checked_against_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the connection is made to an address: the name goes out by SNI, and is what must be in the certificate."""
    context, trusted = certificate(tmp_path, "hooks.example")
    asked: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    server = Inside()
    server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
    server.start()
    monkeypatch.setattr(webhook, "_tls", lambda: trusted)
    try:
        here = Allowed.of(["127.0.0.1"])
        _resolve(monkeypatch, [["127.0.0.1"]] * 2)
        assert send(f"https://hooks.example:{server.port}/", here).status_code == 204
        assert (server.hosts, asked) == ([f"hooks.example:{server.port}"], ["hooks.example"])
        with pytest.raises(TryAgain, match=r"(?i)hostname mismatch"):
            send(f"https://other.example:{server.port}/", here)
    finally:
        server.stop()


def test_every_special_block_of_today_is_known() -> None:
    """Independent of this Python's own table, which changes between versions."""
    from ipaddress import ip_address

    for text in ("192.0.0.9", "2001:20::1", "2002:808:808::", "64:ff9b:1::1", "2001:0:1::"):
        assert forbidden(ip_address(text)), text


def _resolve(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> list[str]:
    """Let names stand for these addresses, one answer after the other; the names that were asked for."""
    asked: list[str] = []
    remaining = list(answers)
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **options: Any) -> Any:
        if not host.endswith(".example"):
            return real(host, port, *args, **options)
        asked.append(host)
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in remaining.pop(0)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked
