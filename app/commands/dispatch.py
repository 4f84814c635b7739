"""`python -m app dispatch`: announces ready stages and sweeps; any number may run."""

import signal
from types import FrameType

import click

from config.logs import configure_logging
from config.settings import settings


@click.command()
def command() -> None:
    """Announce ready stages to the broker, and find what stopped moving."""
    from app.dispatch.loop import Dispatcher  # needs Celery: half a second that `--help` does not want
    from app.runtime import stopping

    configure_logging(settings().log_level)

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.asked.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    Dispatcher(settings(), stopping).run()
