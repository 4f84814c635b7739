"""Chunks, their embeddings, the models and generations that made them, and searches that wait for an answer."""

import uuid
from datetime import datetime
from typing import Any

from pgvector.sqlalchemy import VECTOR
from sqlalchemy import CheckConstraint, Computed, Double, ForeignKey, Index, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from docrelay.names import GenerationStatus
from docrelay.tables import functions
from docrelay.tables.base import Base, among

functions.attach(Base.metadata)


class Chunk(Base):
    """A piece of a document's text that is searched as one; each generation has its own, cut for its model."""

    __tablename__ = "chunks"
    __table_args__ = (
        UniqueConstraint("document_id", "generation", "ordinal"),
        Index("ix_chunks_text_hash", "text_hash"),
        Index("ix_chunks_words", "words", postgresql_using="gin"),
    )

    generation: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # from document, ordinal and text
    document_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    page_first: Mapped[int]
    page_last: Mapped[int]
    span_start: Mapped[int]  # character offset in the first page's text
    span_end: Mapped[int]  # character offset in the last page's text
    heading: Mapped[str | None]
    tokens: Mapped[int]
    text: Mapped[str]
    text_hash: Mapped[bytes]
    # Deferred: it is as large as the text, and only searches by words read it.
    words: Mapped[Any] = mapped_column(
        TSVECTOR, Computed("docrelay_words(coalesce(heading, '') || ' ' || text)", persisted=True), deferred=True
    )


class Model(Base):
    """An embedding model with everything that changes its vectors."""

    __tablename__ = "models"
    __table_args__ = (UniqueConstraint("name", "revision", "arithmetic"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    revision: Mapped[str]
    arithmetic: Mapped[str]
    dimension: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Generation(Base):
    """All chunks and vectors by one model. Search uses the active one, whatever model a worker was started with."""

    __tablename__ = "generations"
    __table_args__ = (
        CheckConstraint(among("status", GenerationStatus), name="status"),
        Index("ix_generations_active", "status", unique=True, postgresql_where=text("status = 'active'")),
        Index("ix_generations_building", "status", unique=True, postgresql_where=text("status = 'building'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str | None]  # where its files are: a package, a folder, a hub id; null until `migrate` says it
    arithmetic: Mapped[str]  # as it was asked for; what the model's row says counts, once there is one
    model_id: Mapped[int | None] = mapped_column(ForeignKey("models.id"))  # null until a worker has loaded it
    status: Mapped[str]
    fed_until: Mapped[uuid.UUID | None]  # while it is built: the last document that has its job
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    switched_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Embedding(Base):
    """The vector of a text by a model, computed once and shared by all chunks with that text."""

    __tablename__ = "embeddings"

    model_id: Mapped[int] = mapped_column(ForeignKey("models.id"), primary_key=True)
    text_hash: Mapped[bytes] = mapped_column(primary_key=True)
    vector: Mapped[Any] = mapped_column(VECTOR(), nullable=False)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Query(Base):
    """A search that waits for its vector. Unlogged: after a crash nobody waits any more."""

    __tablename__ = "queries"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - SQLAlchemy's own form

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    text: Mapped[str]
    model_id: Mapped[int | None]
    vector: Mapped[Any | None] = mapped_column(VECTOR())
    error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Reranking(Base):
    """A search that waits for its candidates' scores by the cross-encoder. Unlogged, like a query."""

    __tablename__ = "rerankings"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - SQLAlchemy's own form

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    query: Mapped[str]
    passages: Mapped[list[str]] = mapped_column(ARRAY(Text))
    scores: Mapped[list[float] | None] = mapped_column(ARRAY(Double))  # of the passages, in their order
    error: Mapped[str | None]
    taken_at: Mapped[datetime | None]  # when a worker last began with it
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
