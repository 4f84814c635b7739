"""The home folder: what the embedded stack keeps, and who may use it.

.docrelay/
    lock            held by the one `up` that runs here
    database-url    where clients find the database, while it runs
    secrets/        made once, readable by the owner only
    postgres/       the database's files
    broker/         the file-system broker's messages
    flower/         what Flower remembers over a restart
    logs/           one file per process
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from docrelay.errors import ConfigError
from docrelay.names import ADDRESS_FILE


class Home:
    """One home folder. Making the object touches nothing; `make` creates the folder."""

    def __init__(self, path: Path) -> None:
        """Take the folder's path, relative ones from the working directory."""
        self.path = path.expanduser().resolve()

    def make(self) -> None:
        """Create the folder, closed to others.

        Raises:
            ConfigError: it cannot be made or written here.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # As root, Postgres runs as another user, who must get through to its own folder.
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        except OSError as error:
            raise ConfigError(f"DOCRELAY_HOME={self.path} cannot be used: {error.strerror}") from None

    def folder(self, name: str) -> Path:
        """The path of a folder of ours in here, which exists afterwards and is closed to others."""
        path = self.path / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process alone. A lock dies with its holder, so none is ever stale.

        Raises:
            ConfigError: another process holds it; the message has its number.
        """
        with (self.path / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                raise ConfigError(
                    f"{self.path} is in use by process {holder}; stop that one, or set DOCRELAY_HOME to another folder"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def secret(self, name: str) -> str:
        """The secret of this name: made at the first call, the same ever after."""
        if known := self.known_secret(name):
            return known
        path = self.folder("secrets") / name
        _write_private(path, secrets.token_urlsafe(24))
        return path.read_text()

    def known_secret(self, name: str) -> str:
        """The secret of this name, empty if none has been made."""
        with contextlib.suppress(FileNotFoundError):
            return (self.path / "secrets" / name).read_text()
        return ""

    def publish_address(self, database_url: str) -> None:
        """Tell clients on this machine where the database is."""
        _write_private(self.path / ADDRESS_FILE, database_url + "\n")

    def withdraw_address(self) -> None:
        """Tell clients that nothing runs here any more."""
        (self.path / ADDRESS_FILE).unlink(missing_ok=True)


def _write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 that others see whole or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    aside.replace(path)
