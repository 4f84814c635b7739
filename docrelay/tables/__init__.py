"""The tables. Every status is a row here, and rows decide.

documents ─┬─ pages              text as parsed
           ├─ page_slices        of what is being parsed
           ├─ chunks ── embeddings (by hash of the text and model: shared, computed once)
           └─ jobs ─┬─ stage_runs ── attempts
                    ├─ passwords    until the document was read
                    ├─ events       append-only history
                    └─ deliveries ── delivery_attempts
batches, subscriptions, receivers, alerts, silences   who is told what, and how it goes
contents ── pieces                  bytes by their hash
pipelines, models, generations      what may be asked for, what made a vector, what search uses
schedule_entries, schedule_state ── schedule_runs ── schedule_made      recurring jobs; sync_items
processes, collection_shares, dead_messages, queries                    the service itself
"""

from docrelay.tables.base import Base
from docrelay.tables.documents import Content, Document, Page, PageSlice, Piece
from docrelay.tables.index import Chunk, Embedding, Generation, Model, Query, Reranking
from docrelay.tables.jobs import Attempt, Event, Job, Password, Pipeline, StageRun
from docrelay.tables.notifications import Alert, Batch, Delivery, DeliveryAttempt, Receiver, Silence, Subscription
from docrelay.tables.schedule import ScheduleEntry, ScheduleMade, ScheduleRun, ScheduleState, SyncItem
from docrelay.tables.service import CollectionShare, DeadMessage, Process

__all__ = [
    "Alert",
    "Attempt",
    "Base",
    "Batch",
    "Chunk",
    "CollectionShare",
    "Content",
    "DeadMessage",
    "Delivery",
    "DeliveryAttempt",
    "Document",
    "Embedding",
    "Event",
    "Generation",
    "Job",
    "Model",
    "Page",
    "PageSlice",
    "Password",
    "Piece",
    "Pipeline",
    "Process",
    "Query",
    "Receiver",
    "Reranking",
    "ScheduleEntry",
    "ScheduleMade",
    "ScheduleRun",
    "ScheduleState",
    "Silence",
    "StageRun",
    "Subscription",
    "SyncItem",
]
