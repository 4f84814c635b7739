"""A RabbitMQ for tests, benchmarks and `make services`, from whatever this machine offers.

with rabbitmq() as server:
    print(server.url, server.api_url)
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.development import apt, docker, native
from app.development.server import RabbitMQ, ServerError

POLICY = Path("/usr/sbin/policy-rc.d")
"""Asked by Debian's packages before they start their service; 101 means no."""


def rabbitmq(place: Path | None = None) -> RabbitMQ:
    """A server to be used in a `with` block: this machine's RabbitMQ, else Docker's, else one installed now.

    Its data are in a folder in `place`, or where temporary files are; those of Docker's are in the container.

    Raises:
        ServerError: there is none, and it cannot be installed.
    """
    commands = native.find()
    if commands is None and docker.usable():
        return docker.DockerRabbitMQ()
    if commands is None:
        commands = _install()
    return native.NativeRabbitMQ(commands, place)


def _install() -> Path:
    try:
        with _services_stay_down():
            apt.install("rabbitmq-server")
    except apt.AptError as error:
        raise ServerError(f"no RabbitMQ on the path and no Docker: {error}") from error
    commands = native.find()
    if commands is None:
        raise ServerError("apt-get installed rabbitmq-server, but it is not to be found")
    return commands


@contextmanager
def _services_stay_down() -> Iterator[None]:
    # The package would start a server of its own on the well-known port, open to the network.
    if POLICY.exists() or not os.access(POLICY.parent, os.W_OK):
        yield  # the machine has a rule of its own, or we may not install anything anyway
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
