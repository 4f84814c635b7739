"""A private RabbitMQ in a container."""

import shutil
import subprocess

from app.development.server import RabbitMQ, ServerError

IMAGE = "rabbitmq:4-management"
COMMAND_SECONDS = 60.0
PULL_SECONDS = 600.0


def usable() -> bool:
    """Whether a Docker daemon answers; the command alone is not enough."""
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True, timeout=20, check=False).returncode == 0


class DockerRabbitMQ(RabbitMQ):
    """Runs the official image, its ports published on loopback only."""

    _container = ""

    def _launch(self) -> None:
        if self._container:
            _docker("start", self._container)
            return
        ports = [(self.port, 5672), (self.api_port, 15672)]
        publish = [part for host, inner in ports for part in ("--publish", f"127.0.0.1:{host}:{inner}")]
        self._container = _docker("run", "--detach", *publish, IMAGE, seconds=PULL_SECONDS).strip()

    def _trouble(self) -> str:
        state = _docker("inspect", "--format", "{{.State.Status}}", self._container).strip()
        return "" if state in ("running", "created") else f"the container is {state}"

    def _log(self) -> str:
        return _docker("logs", "--tail", "40", self._container) if self._container else ""

    def stop(self) -> None:
        """Stop it gently; its data stay."""
        _docker("stop", self._container)

    def kill(self) -> None:
        """Kill it (SIGKILL); its data stay as they are."""
        _docker("kill", self._container)

    def freeze(self) -> None:
        """Hold it still."""
        _docker("pause", self._container)

    def thaw(self) -> None:
        """Let it run again."""
        _docker("unpause", self._container)

    def rabbitmqctl(self, *arguments: str) -> str:
        """Run an administrator's command in it; what that printed.

        Raises:
            ServerError: the command failed.
        """
        return _docker("exec", self._container, "rabbitmqctl", "--quiet", *arguments)

    def close(self) -> None:
        """Remove the container with its data."""
        if self._container:
            _docker("rm", "--force", "--volumes", self._container)
            self._container = ""


def _docker(*arguments: str, seconds: float = COMMAND_SECONDS) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise ServerError(f"docker {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
