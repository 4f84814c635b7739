"""Disks that can be full: file systems in memory, whose size is set to what they hold and back again."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from chaos.machine import NotPossible, command

SIZE = "8g"
"""Only what is written takes memory."""

TRIES = 50


class Disk:
    """A file system of its own; a context manager. One that is not `real` is a plain folder, which is never full."""

    def __init__(self, folder: Path, *, real: bool) -> None:
        """Choose the folder where it is mounted."""
        self.folder = folder
        self._real = real

    def __enter__(self) -> Self:
        """Mount it.

        Raises:
            NotPossible: that takes root.
        """
        self.folder.mkdir(mode=0o711, exist_ok=True)
        if self._real:
            options = f"size={SIZE},mode=0711"
            command("disk", "mount", "-t", "tmpfs", "-o", options, "docrelay-chaos", str(self.folder))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unmount it; what it held is gone."""
        if self._real and subprocess.run(["umount", self.folder], capture_output=True, check=False).returncode:
            subprocess.run(["umount", "--lazy", self.folder], capture_output=True, check=False)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Let nothing more be written until the block ends.

        Raises:
            NotPossible: it never became full.
        """
        try:
            self._fill()
            yield
        finally:
            command("disk", "mount", "-o", f"remount,size={SIZE}", str(self.folder))

    def _fill(self) -> None:
        for _ in range(TRIES):
            at = os.statvfs(self.folder)
            used = (at.f_blocks - at.f_bfree) * at.f_frsize
            # Whoever writes between looking and setting makes the new size too small, which is refused.
            with contextlib.suppress(NotPossible):
                command("disk", "mount", "-o", f"remount,size={used}", str(self.folder))
            if os.statvfs(self.folder).f_bavail == 0:
                return
        raise NotPossible(f"{self.folder} did not become full")
