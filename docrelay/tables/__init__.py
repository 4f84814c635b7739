"""The tables. Every status is a row here, and rows decide.

documents ─┬─ pages              text as parsed
           ├─ chunks ── embeddings (by hash of the text and model: shared, computed once)
           └─ jobs ─┬─ stage_runs ── attempts
                    ├─ events       append-only history
                    └─ deliveries   notifications
contents ── pieces                  bytes by their hash
pipelines, models                   what may be asked for, what made a vector
processes, schedule_runs, dead_messages, queries      the service itself
"""

from docrelay.tables.base import Base
from docrelay.tables.documents import Content, Document, Page, Piece
from docrelay.tables.index import Chunk, Embedding, Model, Query
from docrelay.tables.jobs import Attempt, Delivery, Event, Job, Pipeline, StageRun
from docrelay.tables.service import DeadMessage, Process, ScheduleRun

__all__ = [
    "Attempt",
    "Base",
    "Chunk",
    "Content",
    "DeadMessage",
    "Delivery",
    "Document",
    "Embedding",
    "Event",
    "Job",
    "Model",
    "Page",
    "Piece",
    "Pipeline",
    "Process",
    "Query",
    "ScheduleRun",
    "StageRun",
]
