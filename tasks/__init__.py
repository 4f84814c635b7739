"""The wiring: the Celery tasks. The only place that knows both jobs and documents."""
