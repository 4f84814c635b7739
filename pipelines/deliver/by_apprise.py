"""Whatever Apprise speaks: Slack, Teams, Telegram and a hundred others, by its URLs."""

from datetime import datetime
from typing import Any

from pipelines.deliver.message import Answer, GiveUp, Message, TryAgain
from pipelines.parse.clean import clean_line


class ByApprise:
    """A target that Apprise knows. Its URLs are passwords, so only the operator gives them, and none is ever shown."""

    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self._name = name

    def send(self, message: Message, *, now: datetime, timeout: float) -> Answer:
        """Send the subject and the text; Apprise has limits of its own of 4 s for connecting and for the answer.

        Raises TryAgain (``not_installed``, ``refused``) and GiveUp (``bad_url``).
        """
        del now, timeout
        apprise = _library()
        notifier = apprise.Apprise()
        # It writes what it makes of a URL to its log, passwords and all.
        with apprise.LogCapture(level=apprise.logging.ERROR, fmt="%(message)s") as log:
            if not notifier.add(self._url):
                raise GiveUp("bad_url", f"Apprise knows no service for the URL of {self._name}.")
            taken = notifier.notify(title=message.subject, body=message.text or message.event, body_format="text")
            said = [line for line in log.getvalue().splitlines() if "://" not in line]
        if not taken:
            why = clean_line("; ".join(said), 300) or "it gives no reason"
            raise TryAgain("refused", f"{self._name} did not take it: {why}.", excerpt=why)
        return Answer(None, "taken by Apprise")


def _library() -> Any:
    try:
        import apprise
    except ModuleNotFoundError as error:
        raise TryAgain(
            "not_installed",
            "The package apprise is not installed with the service: pip install apprise, and start it again.",
        ) from error
    return apprise
