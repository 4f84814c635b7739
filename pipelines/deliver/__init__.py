"""Telling those who wait: one message to one target, over a channel.

A target is text. ``https://…`` is a webhook, ``mailto:…`` an e-mail; what else there is comes from entry points
(``docrelay.channels``). Each channel refuses by ``TryAgain`` or ``GiveUp``.
"""

from pipelines.deliver.addresses import Allowed
from pipelines.deliver.message import Answer, Channel, GiveUp, Message, Refusal, TryAgain
from pipelines.deliver.webhook import Webhook

__all__ = ["Allowed", "Answer", "Channel", "GiveUp", "Message", "Refusal", "TryAgain", "Webhook"]
