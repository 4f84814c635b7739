"""E-mail through a real SMTP server, with STARTTLS and a password, and read back."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from app.development.server import free_ports
from pipelines.deliver import GiveUp, Mail, MailServer, Message, TryAgain, renderer
from tests.servers.certificate import certificate

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
NAME = 'Größe <b>"x"</b>\r\nBcc: everybody@example.com\r\n\r\nbody.pdf'
PAYLOAD = {
    "type": "job.failed",
    "timestamp": NOW.isoformat(),
    "data": {
        "job_id": "01a1fba4",
        "status": "failed",
        "document": NAME,
        "collection": "contracts",
        "error": {"stage": "parse", "class": "permanent", "code": "encrypted", "message": "The PDF is encrypted."},
    },
}


class Mailbox:
    """Keeps what it gets; refuses mailboxes called nobody for good, and those called busy for now."""

    def __init__(self) -> None:
        self.got: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(
        self, _server: object, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        if address.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("busy"):
            return "451 4.3.0 later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        self.got.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"

    def last(self) -> EmailMessage:
        message = message_from_bytes(self.got[-1][2], policy=default)
        assert isinstance(message, EmailMessage)
        return message


def _authenticate(_server: object, _session: object, _envelope: object, _mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"relay", b"p@ss word")
    return AuthResult(success=good, handled=False)


class Server(Controller):  # type: ignore[misc]
    """STARTTLS and a password are required."""

    tls: ssl.SSLContext

    def factory(self) -> SMTP:
        return SMTP(
            self.handler,
            hostname="localhost",
            tls_context=self.tls,
            require_starttls=True,
            auth_required=True,
            authenticator=_authenticate,
        )


@pytest.fixture
def trusted(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path, "localhost")


@pytest.fixture
def server(trusted: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    controller = Server(mailbox, hostname="127.0.0.1", port=free_ports(1)[0])
    controller.tls = trusted[0]
    controller.start()
    assert controller.server is not None
    yield mailbox, controller.server.sockets[0].getsockname()[1]
    controller.stop()


def send(port: int, tls: ssl.SSLContext | None, to: str = "ada@example.com", password: str = "p%40ss%20word") -> None:
    url = f"smtp://relay:{password}@localhost:{port}"
    texts = renderer().render(PAYLOAD)
    message = Message("id-1", "job.failed", PAYLOAD, texts.subject, texts.text, texts.html)
    channel = Mail(f"mailto:{to}", MailServer.of(url, "relay@example.com"), tls=tls)
    channel.send(message, now=NOW, timeout=5)


def test_it_arrives_and_reads_well(server: tuple[Mailbox, int], trusted: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    mailbox, port = server
    send(port, trusted[1])
    sender, recipients, _ = mailbox.got[-1]
    assert (sender, recipients) == ("relay@example.com", ["ada@example.com"])
    mail = mailbox.last()
    assert mail["from"] == "relay@example.com"
    assert mail["to"] == "ada@example.com"
    assert mail["bcc"] is None, "the document's name must not become a header"
    assert mail["subject"] == 'Größe <b>"x"</b> Bcc: everybody@example.com body.pdf: failed'
    assert mail["message-id"] == "<id-1@docrelay.example.com>"
    assert mail["auto-submitted"] == "auto-generated"
    assert mail["date"].datetime == NOW
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    plain = text.get_content()
    assert "in the collection contracts could not be processed" in plain
    assert "Why: The PDF is encrypted." in plain
    assert "What to do: correct the document" in plain
    assert "&lt;b&gt;" in html.get_content()
    assert "<b>&#34;x" not in html.get_content()


def test_a_repeat_carries_the_same_id(
    server: tuple[Mailbox, int], trusted: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    mailbox, port = server
    send(port, trusted[1])
    send(port, trusted[1])
    assert len({message_from_bytes(content)["message-id"] for _, _, content in mailbox.got}) == 1


def test_a_wrong_password_waits_for_the_operator(
    server: tuple[Mailbox, int], trusted: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with pytest.raises(TryAgain) as caught:
        send(server[1], trusted[1], password="hidden")
    assert caught.value.status_code == 535
    assert "hidden" not in caught.value.message
    assert server[0].got == []


def test_a_certificate_that_nobody_vouches_for_is_refused(server: tuple[Mailbox, int]) -> None:
    with pytest.raises(TryAgain, match=r"(?i)certificate"):
        send(server[1], None)
    assert server[0].got == []


def test_no_password_and_no_mail_without_tls(trusted: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """A server that does not offer STARTTLS, or somebody between who takes the offer out."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_ports(1)[0])
    controller.start()
    assert controller.server is not None
    try:
        with pytest.raises(TryAgain, match="STARTTLS"):
            send(controller.server.sockets[0].getsockname()[1], trusted[1])
    finally:
        controller.stop()
    assert mailbox.got == []


@pytest.mark.parametrize(("who", "kind"), [("nobody@example.com", GiveUp), ("busy@example.com", TryAgain)])
def test_mailboxes_that_refuse(
    server: tuple[Mailbox, int],
    trusted: tuple[ssl.SSLContext, ssl.SSLContext],
    who: str,
    kind: type[TryAgain | GiveUp],
) -> None:
    with pytest.raises(kind, match=who):
        send(server[1], trusted[1], who)


@pytest.mark.parametrize(
    "to",
    [
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com\nBcc: eve@example.com",
        "ada@example.com,eve@example.com",
        "ada@example.com?bcc=eve@example.com",
        "<ada@example.com>",
        "ada",
        "",
        "@example.com",
        "ada@-example..com ",
    ],
)
def test_no_more_than_one_mailbox_can_be_named(to: str) -> None:
    with pytest.raises(GiveUp) as caught:
        Mail(f"mailto:{to}", MailServer.of("smtp://localhost", "relay@example.com"))
    assert caught.value.code == "bad_url"


def test_it_is_not_set_up() -> None:
    with pytest.raises(TryAgain, match="DOCRELAY_SMTP_URL"):
        Mail("mailto:ada@example.com", None).send(Message("1", "digest", {}), now=NOW, timeout=1)


@pytest.mark.parametrize(
    ("url", "sender"),
    [("http://localhost", "a@b.c"), ("smtp://", "a@b.c"), ("smtp://localhost", ""), ("smtp+plain://u:p@h", "a@b.c")],
)
def test_wrong_settings(url: str, sender: str) -> None:
    with pytest.raises(ValueError, match=r"expected|sender|TLS"):
        MailServer.of(url, sender)
