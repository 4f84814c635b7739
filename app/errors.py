"""What can go wrong inside the service, beside `docrelay.errors`."""

from docrelay.errors import DocrelayError


class BrokerUnavailable(DocrelayError):  # noqa: N818 - reads as in `except BrokerUnavailable`
    """The broker did not take a message, or did not say so in time; it may have it all the same."""
