"""The secret that a receiver of notifications checks signatures with."""

import base64
import hashlib
import hmac

from config.settings import Settings


def secret_for(master: str, url: str) -> str:
    """The secret of a target, derived from the service's: stable, and of no use for any other target.

    Raises:
        ValueError: the master secret is empty.
    """
    if not master:
        raise ValueError("the master secret for webhooks is empty")
    key = hmac.digest(master.encode(), b"docrelay webhook\n" + url.encode(), hashlib.sha256)
    return "whsec_" + base64.b64encode(key).decode("ascii")


def secrets_for(settings: Settings, url: str) -> list[str]:
    """The secrets to sign with: the current one, and the one before while both are valid.

    Raises:
        ValueError: the service has no master secret.
    """
    masters = [settings.webhook_secret.get_secret_value(), settings.webhook_secret_previous.get_secret_value()]
    return [secret_for(masters[0], url), *(secret_for(master, url) for master in masters[1:] if master)]
