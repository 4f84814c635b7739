"""Celery's settings. Each says what breaks without it; defaults are not restated."""

from typing import Any

from kombu import Exchange
from kombu import Queue as KombuQueue

from docrelay.names import DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, EXCHANGE, Queue

JOBS = Exchange(EXCHANGE, type="direct", durable=True)
DEAD = Exchange(DEAD_LETTER_EXCHANGE, type="fanout", durable=True)


def work_queues(*, declare: bool = False) -> list[KombuQueue]:
    """One durable quorum queue per kind of work, bound by its own name.

    Only `migrate` declares; a worker that comes first waits until the queues are there.
    """
    # Quorum queues keep their messages when a node dies. What may change later (limits, dead letters)
    # is set by policy, since declaring a queue again with other arguments is refused.
    arguments = {"x-queue-type": "quorum"}
    return [
        KombuQueue(queue.value, JOBS, routing_key=queue.value, queue_arguments=arguments, no_declare=not declare)
        for queue in Queue
    ]


def dead_letter_queue() -> KombuQueue:
    """Where refused messages go, until the sweep makes rows of them."""
    return KombuQueue(DEAD_LETTER_QUEUE, DEAD, queue_arguments={"x-queue-type": "quorum"})


def celery_settings() -> dict[str, Any]:
    """The settings of the Celery app, whatever the broker."""
    return {
        # -- topology
        "task_queues": work_queues(),
        "task_default_queue": Queue.NOTIFY.value,
        "task_default_exchange": EXCHANGE,
        "task_default_routing_key": Queue.NOTIFY.value,
        # A queue name that is mistyped must fail, not make a queue that nobody reads.
        "task_create_missing_queues": False,
        # -- truth is in Postgres
        # A result backend is a second truth: it forgets, and it disagrees after a redelivery.
        "task_ignore_result": True,
        "result_backend": None,
        # -- delivery
        # Early acknowledgement loses the message with the worker; leases would notice, 30 s later.
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        # The row decides about retries; a second authority would double them.
        "task_retry_on_worker_lost": False,
        # More than one prefetched message per slot hides work behind a slow document.
        "worker_prefetch_multiplier": 1,
        # Without it an undecodable message is acknowledged and gone, not even a dead letter.
        "worker_consumer": "app.brokers.consumer:RefusingConsumer",
        # -- connection
        "broker_connection_retry_on_startup": True,
        # The default gives up after 100 tries and the worker exits, in the middle of the night.
        "broker_connection_max_retries": None,
        "broker_connection_timeout": 4,
        # The default of 120 s takes minutes to notice a dead link; 20 s takes about 45.
        "broker_heartbeat": 20,
        # The default waits for ever for a connection.
        "broker_pool_acquire_timeout": 10,
        # Without it a worker stays alive but deaf after a channel error such as consumer_timeout.
        "broker_channel_error_retry": True,
        # The dispatcher is the only producer and tries again from the rows.
        "task_publish_retry": False,
        # -- serialisation: pickle from a broker is remote code execution
        "accept_content": ["json"],
        "task_serializer": "json",
        "event_serializer": "json",
        # -- what Flower sees
        "worker_send_task_events": True,
        "task_send_sent_event": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        # -- time: cron in local time jumps twice a year
        "enable_utc": True,
        "timezone": "UTC",
        # Celery's own keeps its state in a file, starts all twice when it runs twice, and forgets what it missed.
        "beat_scheduler": "app.schedule.beat:Scheduler",
    }


CONNECT_SECONDS = 3.0
"""kombu tries twice, two seconds apart, so a broker that is frozen costs eight seconds."""

SOCKET_SECONDS = 4.0
"""Every wait on a connection of our own ends after this. py-amqp's `read_timeout` is not enough: within
a frame it goes on reading for ever."""

CONFIRM_SECONDS = 3.0
"""Unconfirmed publishing to a frozen broker "succeeds". A broker that confirms nothing for so long has a
memory or disk alarm, or is frozen."""
