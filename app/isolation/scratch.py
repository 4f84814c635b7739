"""A folder for the temporary files of one document process, which leaves with it."""

import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

PREFIX = "docrelay-document-"
SETTLED_SECONDS = 20.0
"""A folder that is younger may be about to be locked. As often is looked for those that were left."""

MOST_ENTRIES = 10_000
"""Looked at for the size; it is looked at several times a second."""

BLOCK_BYTES = 512


class Scratch:
    """The folder. Whoever lives in it holds a lock, so that one that nobody lives in any more is told apart."""

    def __init__(self) -> None:
        """Make it, and lock it; remove those that were left by workers killed together with all they had started."""
        _sweep_from_now_on()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self.lock, fcntl.LOCK_EX)

    def names(self) -> set[str]:
        """What is in it now."""
        try:
            return {path.name for path in self.path.iterdir()}
        except OSError:
            return set()

    def size(self) -> int:
        """Bytes on the disk of all that is in it."""
        return sum(_bytes_in(self.path))

    def clean(self, keep: set[str]) -> None:
        """Remove all but these names."""
        for name in self.names() - keep:
            remove(self.path / name)

    def remove(self) -> None:
        """Remove it, if its warden could not."""
        remove(self.path)


def _bytes_in(folder: Path) -> Iterator[int]:
    waiting, looked_at = [folder], 0
    # Somebody is at work in it: what vanishes while it is looked at has no size.
    while waiting and looked_at < MOST_ENTRIES:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                looked_at += 1
                with suppress(OSError):
                    yield entry.stat(follow_symlinks=False).st_blocks * BLOCK_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))


def remove(path: Path) -> None:
    """Remove a file or a folder, as far as that goes."""
    with suppress(OSError, RecursionError):  # folders in folders, a thousand deep
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


@cache
def _sweep_from_now_on() -> None:
    """Not only now: a folder that its worker's death has just left is too young, and no other worker may ever start."""
    parent = Path(tempfile.gettempdir())
    sweep(parent)

    def run() -> None:
        while True:
            time.sleep(SETTLED_SECONDS)
            sweep(parent)

    threading.Thread(target=run, name="scratch", daemon=True).start()


def sweep(parent: Path) -> None:
    """Remove the folders of document processes that are gone."""
    for path in parent.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > SETTLED_SECONDS and _is_deserted(path):
                remove(path)


def _is_deserted(path: Path) -> bool:
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
