"""This host: room on its disks."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.doctor.findings import Finding, Verdict, finding
from config.settings import Settings

GIB = 1024**3
LEAST_FREE = GIB


def disks(settings: Settings) -> Iterator[Finding]:
    """Of the home folder, and of the folder that bytes are stored in, if it is one."""
    yield free("disk of DOCRELAY_HOME", settings.home)
    storage = urlsplit(settings.storage_url)
    if storage.scheme == "file":
        yield free("disk of DOCRELAY_STORAGE_URL", Path(unquote(storage.path)))


def free(check: str, folder: Path, least: int = LEAST_FREE) -> Finding:
    """Room where a folder is, or will be made."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    left = shutil.disk_usage(there).free
    remedy = "make room: a full disk stops Postgres"
    return finding(check, f"{left / GIB:.1f} GiB free", remedy, bad=left < least, verdict=Verdict.WARNING)
