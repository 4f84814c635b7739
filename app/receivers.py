"""The secret that a receiver of notifications checks signatures with."""

import base64
import hashlib
import hmac


def secret_for(master: str, url: str) -> str:
    """The secret of a target, derived from the service's: stable, and of no use for any other target.

    Raises:
        ValueError: the master secret is empty.
    """
    if not master:
        raise ValueError("the master secret for webhooks is empty")
    key = hmac.digest(master.encode(), b"docrelay webhook\n" + url.encode(), hashlib.sha256)
    return "whsec_" + base64.b64encode(key).decode("ascii")
