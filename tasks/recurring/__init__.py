"""The recurring tasks that come with the service, each registered under the name that schedule.toml calls it by."""

from tasks.recurring import maintenance, sync

__all__ = ["maintenance", "sync"]
