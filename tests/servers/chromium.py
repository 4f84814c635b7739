"""Headless Chromium and its driver: those of this machine, else installed by apt."""

import os
import shutil
import subprocess
from dataclasses import dataclass

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVERS = ("chromedriver", "/usr/lib/chromium/chromedriver", "/usr/lib/chromium-browser/chromedriver")
INSTALL_SECONDS = 600.0


@dataclass(frozen=True)
class Chromium:
    """Where the two programs are; they must be of the same version."""

    browser: str
    driver: str


class BrowserMissingError(RuntimeError):
    """There is no Chromium, and it cannot be installed; says what would help."""


def chromium() -> Chromium:
    """The browser of this machine, installed now if need be.

    Raises:
        BrowserMissingError: there is none, and it cannot be installed.
    """
    found = _find()
    if found is None:
        _install()
        found = _find()
    if found is None:
        raise BrowserMissingError("apt-get installed chromium, but it is not to be found")
    return found


def _find() -> Chromium | None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = next(filter(None, map(shutil.which, DRIVERS)), None)
    return Chromium(browser, driver) if browser and driver else None


def _install() -> None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BrowserMissingError("no browser for the test of Flower: install chromium and chromium-driver")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "-y", "--no-install-recommends", "chromium", "chromium-driver"]):
        done = subprocess.run(
            ["apt-get", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode:
            raise BrowserMissingError(f"apt-get {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
