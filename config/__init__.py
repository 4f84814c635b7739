"""Values: settings from the environment, Celery's settings, the schedule, logging."""
