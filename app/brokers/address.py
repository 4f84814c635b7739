"""Which broker the settings name, and connections to it that never wait for ever."""

from kombu import Connection
from kombu.transport import TRANSPORT_ALIASES

from config.celery import SOCKET_SECONDS
from config.settings import Settings

FILES = "docrelay-files"
"""URL scheme of the embedded broker: `docrelay-files://localhost/absolute/path/to/a/folder`."""

# kombu knows a transport by its scheme, and Celery hands the URL on as it is. A name, not the class: it is
# imported only where it is used.
TRANSPORT_ALIASES[FILES] = "app.brokers.filesystem:Transport"


def broker_url(settings: Settings) -> str:
    """The broker's URL: RabbitMQ or whatever is set, else the embedded one in the home folder."""
    if settings.broker_url:
        return settings.broker_url
    # With a host, since kombu warns at every connection when there is none.
    return (settings.home / "broker").resolve().as_uri().replace("file://", f"{FILES}://localhost", 1)


def is_rabbitmq(url: str) -> bool:
    """Whether the URL leads to RabbitMQ, which has confirms, policies and dead letters of its own."""
    return url.startswith(("amqp://", "amqps://", "pyamqp://"))


def is_files(url: str) -> bool:
    """Whether the URL leads to the embedded broker."""
    return url.startswith(f"{FILES}://")


def connect(connection: Connection) -> None:
    """Connect, and give every later wait on the connection an end.

    Raises:
        OSError: the broker does not answer. RabbitMQ may also raise `connection.connection_errors`.
    """
    connection.connect()
    if connection.transport.driver_type == "amqp":
        connection.connection.sock.settimeout(SOCKET_SECONDS)
