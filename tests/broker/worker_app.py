"""The Celery app of the workers that these tests start: our settings, and tasks that leave a trace."""

import os

from celery import Celery

from app.brokers import address
from config.celery import celery_settings

URL = "TEST_BROKER_URL"
OUTPUT = "TEST_OUTPUT"


def make_app(url: str) -> Celery:
    celery = Celery("docrelay", set_as_current=False)
    celery.conf.update(celery_settings())
    celery.conf.update(broker_url=url)
    assert address.FILES  # imported for the scheme it registers
    return celery


app = make_app(os.environ.get(URL, "memory://"))


@app.task(name="docrelay.parse")  # type: ignore[untyped-decorator]
def note(value: str) -> None:
    """Append one line; such a short one is written whole or not at all, whoever else writes."""
    descriptor = os.open(os.environ[OUTPUT], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{value} {os.getpid()}\n".encode())
    os.close(descriptor)
