"""Headless Chromium and its driver: those of this machine, else installed by apt."""

import shutil
from dataclasses import dataclass

from app.development import apt

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DRIVERS = ("chromedriver", "/usr/lib/chromium/chromedriver", "/usr/lib/chromium-browser/chromedriver")


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
        try:
            apt.install("chromium", "chromium-driver")
        except apt.AptError as error:
            raise BrowserMissingError(f"no browser for the test of Flower: {error}") from error
        found = _find()
    if found is None:
        raise BrowserMissingError("apt-get installed chromium, but it is not to be found")
    return found


def _find() -> Chromium | None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = next(filter(None, map(shutil.which, DRIVERS)), None)
    return Chromium(browser, driver) if browser and driver else None
