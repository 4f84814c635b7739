"""From a target to its channel: ours, Apprise's, and those of others; and what templates may do."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.development.receiver import Receiver
from pipelines.deliver import Allowed, Answer, GiveUp, Message, Surroundings, TryAgain, channels, open_channel
from pipelines.deliver.render import Renderer

NOW = datetime(2026, 11, 21, tzinfo=UTC)
MESSAGE = Message("id-1", "digest", {"type": "digest", "data": {}}, "A subject", "A text\n")
HERE = Surroundings(Allowed.of(["127.0.0.1"]))


def send(url: str, name: str = "") -> Answer:
    return open_channel(url, HERE, secrets=list, name=name).send(MESSAGE, now=NOW, timeout=5)


class Chat(Receiver):
    """Takes what Apprise posts, which is not signed."""

    def take(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        return super().take(path, body, {"webhook-id": "", **headers})


def test_whoever_submits_has_webhooks_and_mail_only() -> None:
    for url in ("slack://a/b/c", "json://127.0.0.1", "file:///etc/passwd", "pager://x", "exec://rm"):
        with pytest.raises(GiveUp) as caught:
            send(url)
        assert caught.value.code == "bad_url"


def test_what_apprise_speaks_by_the_operators_url() -> None:
    """Real, over its plainest service."""
    with Chat() as chat:
        port = chat.url.split(":")[2].strip("/")
        assert send(f"json://127.0.0.1:{port}/room", "@ops").excerpt == "taken by Apprise"
        (request,) = chat.requests
        assert (request.payload["title"], request.payload["message"].strip()) == ("A subject", "A text")
        chat.behave((403, {}, b"no"))
        with pytest.raises(TryAgain) as caught:
            send(f"json://user:hidden@127.0.0.1:{port}/room", "@ops")
    assert "@ops did not take it" in caught.value.message
    assert "hidden" not in caught.value.message


def test_a_service_that_apprise_does_not_know() -> None:
    with pytest.raises(GiveUp, match="no service for the URL of @ops") as caught:
        send("nosuchservice://hidden", "@ops")
    assert "hidden" not in caught.value.message


def test_without_apprise_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(TryAgain, match="pip install apprise"):
        send("slack://a/b/c", "@ops")


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An installed package with a channel."""
    (tmp_path / "pagerpackage.py").write_text(
        "from pipelines.deliver import Answer\n"
        "sent = []\n"
        "class Pager:\n"
        "    def __init__(self, url): self.url = url\n"
        "    def send(self, message, *, now, timeout):\n"
        "        sent.append((self.url, message.subject))\n"
        "        return Answer(None, 'beep')\n"
    )
    info = tmp_path / "pagerpackage-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pagerpackage\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[docrelay.channels]\npager = pagerpackage:Pager\nbroken = nothing:Here\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    channels._installed.cache_clear()
    yield "pager"
    channels._installed.cache_clear()


def test_a_channel_of_ones_own(plugin: str) -> None:
    assert send(f"{plugin}://oncall", "@oncall").excerpt == "beep"
    assert sys.modules["pagerpackage"].sent == [("pager://oncall", "A subject")]
    with pytest.raises(TryAgain, match="nothing:Here of @x cannot be used"):
        send("broken://", "@x")


def render(folder: Path | None, data: dict[str, Any], event: str = "job.failed") -> Any:
    return Renderer(folder).render({"type": event, "timestamp": "now", "data": data})


def test_templates_of_ones_own_go_first_and_are_sandboxed(tmp_path: Path) -> None:
    (tmp_path / "job.failed.txt").write_text("Subject: Oh {{ data.document }}\n{{ data.document | upper }}")
    texts = render(tmp_path, {"document": "a.pdf"})
    assert (texts.subject, texts.text) == ("Oh a.pdf", "A.PDF\n")
    assert "could not be processed" in texts.html, "the HTML is still ours"
    (tmp_path / "job.failed.txt").write_text("{{ data.__class__.__mro__[1].__subclasses__() }}")
    assert "Popen" not in render(tmp_path, {"document": "a.pdf"}).text
    (tmp_path / "job.failed.txt").write_text("{% for %}")
    broken = render(tmp_path, {"document": "a.pdf"})
    assert "cannot be used: TemplateSyntaxError" in broken.text
    assert "a.pdf" in broken.text


def test_a_documents_name_is_no_template() -> None:
    texts = render(None, {"document": "{{ 7 * 7 }}<script>", "collection": "c"})
    assert "{{ 7 * 7 }}" in texts.text
    assert "<script>" not in texts.html


@pytest.mark.parametrize("event", ["job.succeeded", "job.partial", "job.no_text", "job.quarantined", "job.cancelled"])
def test_every_outcome_has_words_of_its_own(event: str) -> None:
    texts = render(None, {"document": "a.pdf", "pages": [{"page": 3, "message": "unreadable"}]}, event)
    assert texts.subject.startswith("a.pdf: ")
    assert event not in texts.text
    assert "page 3: unreadable" in texts.text
