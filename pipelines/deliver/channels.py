"""From a target to its channel. A channel of your own is an entry point of the group ``docrelay.channels``.

Its name is a URL scheme, its object a callable that takes the URL and returns a ``Channel``::

    [project.entry-points."docrelay.channels"]
    pager = "mypackage.pager:Pager"

Only targets that the operator names may use one: ``[targets.oncall] url = "pager://…"``, then ``@oncall``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from pipelines.deliver.addresses import Allowed
from pipelines.deliver.by_apprise import ByApprise
from pipelines.deliver.mail import Mail, MailServer
from pipelines.deliver.message import Channel, GiveUp, TryAgain
from pipelines.deliver.webhook import Webhook

GROUP = "docrelay.channels"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the service gives its channels: where they may connect to, and where mail is handed in."""

    allowed: Allowed
    mail_server: MailServer | None = None


def open_channel(
    url: str, surroundings: Surroundings, *, secrets: Callable[[], Sequence[str]], name: str = ""
) -> Channel:
    """The channel for a URL.

    ``secrets`` gives those of a webhook when there is one. ``name`` is the operator's name for the target; without one,
    whoever submits gave the URL, and only webhooks and mail are to be had. Raises GiveUp and TryAgain.
    """
    scheme = url.partition(":")[0].lower()
    if scheme in ("http", "https"):
        return Webhook(url, secrets=secrets(), allowed=surroundings.allowed)
    if scheme == "mailto":
        return Mail(url, surroundings.mail_server)
    if not name:
        raise GiveUp("bad_url", "The target must be an http or https URL, a mailto: address, or @ and a name.")
    if scheme in _installed():
        return _of_plugin(_installed()[scheme], url, name)
    return ByApprise(url, name)


@cache
def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _of_plugin(entry: EntryPoint, url: str, name: str) -> Channel:
    try:
        channel: Channel = entry.load()(url)
    except Exception as error:
        raise TryAgain("broken_channel", f"The channel {entry.value} of {name} cannot be used: {error}.") from error
    return channel
