"""What can go wrong inside the service, beside `docrelay.errors`."""

from docrelay.errors import DocrelayError


class BrokerUnavailable(DocrelayError):  # noqa: N818 - reads as in `except BrokerUnavailable`
    """The broker did not take a message, or did not say so in time; it may have it all the same."""

    def __init__(self, sentence: str, confirmed: frozenset[str] = frozenset()) -> None:
        """Keep the ids of those tasks of the batch that the broker did confirm."""
        super().__init__(sentence)
        self.confirmed = confirmed


class MessagesRefused(BrokerUnavailable):
    """The broker is there, but some of its queues are not, or took no message; others did."""
