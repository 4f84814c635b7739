"""Telling those who wait: one message to one target, over a channel.

A target is text: ``https://…`` is a webhook, ``mailto:…`` an e-mail, ``@name`` one that the operator has named, over
any channel. Channels refuse by ``TryAgain`` or ``GiveUp``.
"""

from pipelines.deliver.addresses import Allowed
from pipelines.deliver.channels import Surroundings, open_channel
from pipelines.deliver.mail import Mail, MailServer
from pipelines.deliver.message import Answer, Channel, GiveUp, Message, Refusal, TryAgain
from pipelines.deliver.render import Renderer, renderer
from pipelines.deliver.webhook import Webhook

__all__ = [
    "Allowed",
    "Answer",
    "Channel",
    "GiveUp",
    "Mail",
    "MailServer",
    "Message",
    "Refusal",
    "Renderer",
    "Surroundings",
    "TryAgain",
    "Webhook",
    "open_channel",
    "renderer",
]
