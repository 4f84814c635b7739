"""Docrelay: background processing for document pipelines.

with Client() as client:
    job = client.submit("report.pdf", collection="contracts")
    job = client.wait(job.id, timeout=60)
    hits = client.search("termination clause", collection="contracts")
"""

from docrelay.client import Client
from docrelay.errors import (
    CollectionFull,
    ConfigError,
    Conflict,
    DocrelayError,
    JobFailed,
    NotFound,
    SearchUnavailable,
    SourceError,
    Unavailable,
    WaitTimeout,
)
from docrelay.names import DeliveryStatus, JobStatus, StageStatus
from docrelay.views import Child, Collection, Delivery, DeliveryAttempt, Document, Event, Hit, Job, Problem, Stage

__all__ = [
    "Child",
    "Client",
    "Collection",
    "CollectionFull",
    "ConfigError",
    "Conflict",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryStatus",
    "DocrelayError",
    "Document",
    "Event",
    "Hit",
    "Job",
    "JobFailed",
    "JobStatus",
    "NotFound",
    "Problem",
    "SearchUnavailable",
    "SourceError",
    "Stage",
    "StageStatus",
    "Unavailable",
    "WaitTimeout",
]
