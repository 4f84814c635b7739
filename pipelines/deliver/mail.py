"""One e-mail over SMTP."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from re import fullmatch
from urllib.parse import unquote, urlsplit

from pipelines.deliver.message import Answer, GiveUp, Message, TryAgain
from pipelines.parse.clean import clean_line

_ADDRESS = r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]+(\.[\w-]+)*"
_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and by whom it is sent."""

    host: str
    port: int
    security: str
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str, sender: str) -> "MailServer":
        """From ``smtp://user:password@host:587`` (STARTTLS, required), ``smtps://…`` (TLS from the start), or
        ``smtp+plain://…`` (neither: for a relay on this host). Raises ValueError.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("expected smtp://, smtps:// or smtp+plain:// with a host")
        if not fullmatch(_ADDRESS, sender):
            raise ValueError("the sender's address is missing or wrong")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if user and parts.scheme == "smtp+plain":
            raise ValueError("a password does not go over a line without TLS; use smtp:// or smtps://")
        return cls(parts.hostname, parts.port or _PORTS[parts.scheme], parts.scheme, sender, user, password)


class Mail:
    """A ``mailto:`` target. The server is the operator's own choice, so its address is not checked."""

    def __init__(self, url: str, server: MailServer | None, *, tls: ssl.SSLContext | None = None) -> None:
        self._to = url.removeprefix("mailto:")
        if not fullmatch(_ADDRESS, self._to):
            # No further recipients, subjects or headers by way of the address.
            raise GiveUp("bad_url", "The target is not the address of one mailbox, such as mailto:ada@example.com.")
        self._server = server
        self._tls = tls

    def send(self, message: Message, *, now: datetime, timeout: float) -> Answer:
        """Hand it in; each step of the dialogue may take ``timeout`` seconds.

        Raises TryAgain (``no_mail_server``, ``unreachable``, ``refused``) and GiveUp (``rejected``: this mailbox).
        """
        if self._server is None:
            raise TryAgain("no_mail_server", "E-mail is not set up: set DOCRELAY_SMTP_URL and DOCRELAY_MAIL_FROM.")
        server, mail = self._server, self._compose(message, now)
        try:
            with _session(server, self._tls or ssl.create_default_context(), timeout) as smtp:
                smtp.send_message(mail, from_addr=server.sender, to_addrs=[self._to])
        except smtplib.SMTPRecipientsRefused as error:
            code, said = error.recipients[self._to]
            raise _refusal(code, said, f"the mailbox of {self._to}", final=code >= 500) from error
        except smtplib.SMTPResponseException as error:
            # Of the service's own account or sender: the operator can put that right.
            raise _refusal(error.smtp_code, error.smtp_error, server.host, final=False) from error
        except (smtplib.SMTPException, OSError) as error:
            why = clean_line(str(error), 200) or type(error).__name__
            raise TryAgain("unreachable", f"The mail server {server.host} cannot be used: {why}.") from error
        return Answer(None, f"handed in at {server.host}")

    def _compose(self, message: Message, now: datetime) -> EmailMessage:
        assert self._server is not None
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._server.sender
        mail["To"] = self._to
        mail["Subject"] = clean_line(message.subject or message.event, 200)
        mail["Date"] = format_datetime(now)
        # The same at every try, so that mailboxes drop repeats.
        mail["Message-ID"] = f"<{message.id}@docrelay.{self._server.sender.rpartition('@')[2]}>"
        # Else absence notes come back to it.
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Docrelay-Event"] = clean_line(message.event, 100)
        mail.set_content(message.text or message.event)
        if message.html:
            mail.add_alternative(message.html, subtype="html")
        return mail


@contextmanager
def _session(server: MailServer, tls: ssl.SSLContext, timeout: float) -> Iterator[smtplib.SMTP]:
    if server.security == "smtps":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout, context=tls)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=timeout)
    with smtp:
        if server.security == "smtp":
            smtp.starttls(context=tls)  # raises where the server does not offer it: never in the clear
        if server.user:
            smtp.login(server.user, server.password)
        yield smtp


def _refusal(code: int, said: bytes | str, who: str, *, final: bool) -> TryAgain | GiveUp:
    text = clean_line(said.decode("utf-8", "replace") if isinstance(said, bytes) else said, 300)
    sentence = f"{who} was refused with {code}: {text}." if who.startswith("the") else f"{who} answered {code}: {text}."
    kind = GiveUp if final else TryAgain
    return kind("rejected" if final else "refused", sentence[0].upper() + sentence[1:], status_code=code, excerpt=text)
