"""Installing what the tests need where Debian's packages may be installed."""

import os
import shutil
import subprocess

INSTALL_SECONDS = 600.0


class AptError(RuntimeError):
    """The packages cannot be installed; says why, and what would help."""


def install(*packages: str) -> None:
    """Install Debian packages, without what they merely recommend.

    Raises:
        AptError: this is no Debian, we are not root, or apt-get failed.
    """
    names = " and ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise AptError(f"{names} cannot be installed from here; install them and try again")
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", *arguments],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise AptError(f"apt-get {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
