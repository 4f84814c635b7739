"""Talking to the broker: RabbitMQ in production, a folder by default.

`address` says which, `topology` declares queues, `publisher` sends (for the dispatcher alone), `consumer` refuses what
it cannot read, `deadletters` gets that back. `filesystem` and `spool` are the embedded broker.
"""
