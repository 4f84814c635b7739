"""The recurring tasks that come with the service, each registered under the name that schedule.toml calls it by."""

from tasks.recurring import digest, maintenance, over_collection, retention, retry_failed, sync, verify

__all__ = ["digest", "maintenance", "over_collection", "retention", "retry_failed", "sync", "verify"]
