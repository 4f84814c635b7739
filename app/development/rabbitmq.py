"""A RabbitMQ for tests, benchmarks and `make services`, from whatever this machine offers.

with rabbitmq() as server:
    print(server.url, server.api_url)
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.development import docker, native
from app.development.server import RabbitMQ, ServerError

INSTALL_SECONDS = 600.0
POLICY = Path("/usr/sbin/policy-rc.d")
"""Asked by Debian's packages before they start their service; 101 means no."""


def rabbitmq() -> RabbitMQ:
    """A server to be used in a `with` block: this machine's RabbitMQ, else Docker's, else one installed now.

    Raises:
        ServerError: there is none, and it cannot be installed.
    """
    commands = native.find()
    if commands is None and docker.usable():
        return docker.DockerRabbitMQ()
    if commands is None:
        commands = _install()
    return native.NativeRabbitMQ(commands)


def _install() -> Path:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise ServerError("no RabbitMQ: install rabbitmq-server or start Docker, then try again")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _services_stay_down():
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "rabbitmq-server"]):
            done = subprocess.run(
                ["apt-get", *arguments],
                env=environment,
                capture_output=True,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
            if done.returncode:
                raise ServerError(f"apt-get {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    commands = native.find()
    if commands is None:
        raise ServerError("apt-get installed rabbitmq-server, but it is not to be found")
    return commands


@contextmanager
def _services_stay_down() -> Iterator[None]:
    # The package would start a server of its own on the well-known port, open to the network.
    if POLICY.exists():
        yield  # the machine has a rule of its own
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
