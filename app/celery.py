"""The Celery app: `python -m celery -A app …` finds it here. Importing it connects to nothing."""

from celery import Celery

from app import signals
from app.brokers.address import broker_url
from config.celery import celery_settings
from config.settings import settings

TASKS = ("tasks.parse", "tasks.ocr", "tasks.vectorize", "tasks.notify", "tasks.recur")
"""Named, not imported: the tasks need the app, and the app needs the tasks only when it runs."""


def make_app() -> Celery:
    """The app, by the settings of this process."""
    celery = Celery("docrelay", set_as_current=True)
    celery.conf.update(celery_settings())
    extra = [name for name in settings().task_modules.split(",") if name]
    celery.conf.update(
        broker_url=broker_url(settings()),
        include=[*TASKS, *extra],
    )
    signals.connect()
    return celery


app = make_app()
