"""A private RabbitMQ from the binary on this machine, as root or as anybody."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from app.development.server import RabbitMQ, ServerError, free_ports
from app.stack.guard import Guard

NODE = "docrelay@localhost"
STOP_SECONDS = 20.0
COMMAND_SECONDS = 60.0

PLACES = (
    # Debian's command on the path changes to a user of its own and to that user's folder.
    Path("/usr/lib/rabbitmq/bin"),
    Path("/opt/homebrew/opt/rabbitmq/sbin"),
    Path("/usr/local/opt/rabbitmq/sbin"),
)


def find() -> Path | None:
    """The folder of RabbitMQ's own commands, or None where it is not installed."""
    for folder in PLACES:
        if (folder / "rabbitmq-server").exists():
            return folder
    command = shutil.which("rabbitmq-server")
    return Path(command).resolve().parent if command else None


class NativeRabbitMQ(RabbitMQ):
    """Runs the server as a child, with its own name server (epmd), cookie, data and home folder."""

    def __init__(self, commands: Path, place: Path | None = None) -> None:
        """Choose ports and make the folder, in `place` if it is given; `commands` is what `find` found."""
        super().__init__()
        self._commands = commands
        self._dist_port, self._epmd_port, self._command_port = free_ports(3)
        self._home = Path(tempfile.mkdtemp(prefix="docrelay-rabbitmq-", dir=place))
        self._server: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        # A killed test run must not leave servers behind.
        self._guard = Guard()
        self._guard.__enter__()
        self._configure()

    def _configure(self) -> None:
        cookie = self._home / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        (self._home / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (self._home / "rabbitmq.conf").write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\n"
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self.api_port}\n"
            # The log of quorum queues grows to this before it is cut; the default of 512 MB is for servers.
            "raft.wal_max_size_bytes = 33554432\n"
        )

    @property
    def _environment(self) -> dict[str, str]:
        home = self._home
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        return {
            # An outer RabbitMQ's variables would lead to its data.
            **{name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")},
            **self._guard.environment("rabbitmq"),
            "HOME": str(home),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_CONF_ENV_FILE": str(home / "none.conf"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(home / "schema"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            # Schedulers that spin while they wait cost a core or two when idle.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{loopback} +sbwt none +sbwtdcpu none +sbwtdio none",
            "RABBITMQ_CTL_ERL_ARGS": loopback,
            "RABBITMQ_CTL_DIST_PORT_MIN": str(self._command_port),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(self._command_port + 10),
            # Makes the start script become the server instead of its parent, so that our child is the server.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _launch(self) -> None:
        if self._epmd is None or self._epmd.poll() is not None:
            self._epmd = subprocess.Popen(
                [_epmd(), "-address", "127.0.0.1", "-port", str(self._epmd_port)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=self._environment,
            )
        with (self._home / "output").open("ab") as output:
            self._server = subprocess.Popen(
                [self._commands / "rabbitmq-server"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._home,
                env=self._environment,
                # Ctrl-C in the terminal is for us; we then stop the server in order.
                start_new_session=True,
            )

    def _trouble(self) -> str:
        status = self._server.poll() if self._server else None
        return "" if status is None else f"it ended with status {status}"

    def _log(self) -> str:
        files = [self._home / "output", *(self._home / "log").glob("*.log")]
        return "\n".join(path.read_text(errors="replace")[-2000:] for path in files if path.exists())

    def stop(self) -> None:
        """Stop it gently; its data stay."""
        if self._server is None:
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill it (SIGKILL); its data stay as they are."""
        self._signal(signal.SIGKILL)
        if self._server:
            self._server.wait(STOP_SECONDS)

    def freeze(self) -> None:
        """Hold it still."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def rabbitmqctl(self, *arguments: str) -> str:
        """Run an administrator's command in it; what that printed.

        Raises:
            ServerError: the command failed.
        """
        command = [str(self._commands / "rabbitmqctl"), "--quiet", "-n", NODE, *arguments]
        done = subprocess.run(
            command,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def close(self) -> None:
        """Stop whatever runs and remove the data."""
        self._signal(signal.SIGCONT)
        # Nobody needs these data any more, so it need not put them in order.
        self.kill()
        if self._epmd and self._epmd.poll() is None:
            self._epmd.kill()
            self._epmd.wait(STOP_SECONDS)
        self._guard.__exit__()
        _remove(self._home)

    def _signal(self, number: signal.Signals) -> None:
        if self._server and self._server.poll() is None:
            with suppress(ProcessLookupError):
                self._server.send_signal(number)


def _epmd() -> str:
    command = shutil.which("epmd")
    if command:
        return command
    # Some packages keep it beside the virtual machine only.
    root = Path(shutil.which("erl") or "/usr/lib/erlang/bin/erl").resolve().parent.parent
    found = sorted(root.glob("**/bin/epmd"))
    if not found:
        raise ServerError("RabbitMQ is installed, but Erlang's epmd is not on the path")
    return str(found[-1])


def _remove(folder: Path) -> None:
    # The server's helper processes may still be writing when it was killed.
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
