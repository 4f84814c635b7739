"""A headless Chromium that is signed in to Flower."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from app.stack.whole import Plan
from tests.servers.chromium import chromium

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",  # 64 MB in a container
    # It talks to Flower and to nobody else.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browsing(folder: Path, *, width: int = 1400, height: int = 1000, scale: float = 1.0) -> Iterator[Chrome]:
    """A browser with a profile of its own in `folder`, closed at the end of the block.

    Its window is so many pixels large; with a smaller scale more fits in.
    """
    programs = chromium()
    options = ChromeOptions()
    options.binary_location = programs.browser
    size = f"--window-size={width / scale:.0f},{height / scale:.0f}"
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}", size, f"--force-device-scale-factor={scale}"):
        options.add_argument(flag)
    driver = Chrome(options=options, service=Service(executable_path=programs.driver))
    try:
        driver.set_page_load_timeout(60)
        yield driver
    finally:
        driver.quit()


def base_url(plan: Plan) -> str:
    """Where Flower is."""
    assert plan.flower is not None
    return f"http://{plan.flower.host}:{plan.flower.port}"


def signed_in(plan: Plan, path: str) -> str:
    """A page's address with the user and password in it, which is how a browser without a person signs in."""
    password = quote(plan.settings.flower_password.get_secret_value(), safe="")
    return base_url(plan).replace("://", f"://{plan.settings.flower_user}:{password}@") + path
