"""Documents, their bytes and the text of their pages."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from docrelay.tables.base import Base


class Content(Base):
    """Bytes, once for each SHA-256, here in pieces or at `location` in an object store."""

    __tablename__ = "contents"

    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    size: Mapped[int]
    location: Mapped[str | None]
    let_go_at: Mapped[datetime | None]  # by retention: what was read out of them stays
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Piece(Base):
    """A piece of bytes of at most 1 MiB."""

    __tablename__ = "pieces"

    sha256: Mapped[bytes] = mapped_column(ForeignKey("contents.sha256", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    data: Mapped[bytes]


class Document(Base):
    """A document of a collection: the same bytes are the same document."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("collection", "sha256"),
        # For searches that ask for pairs of the metadata.
        Index(
            "ix_documents_metadata", "metadata", postgresql_using="gin", postgresql_ops={"metadata": "jsonb_path_ops"}
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    collection: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(ForeignKey("contents.sha256"), index=True)
    name: Mapped[str]
    size: Mapped[int]
    meta: Mapped[dict[str, Any]] = mapped_column("metadata", server_default="{}")
    media_type: Mapped[str | None]
    page_count: Mapped[int | None]
    facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")  # title, author … as parsed
    notes: Mapped[list[Any]] = mapped_column(server_default="[]")
    problems: Mapped[list[Any]] = mapped_column(server_default="[]")  # pages that could not be read
    scanned: Mapped[list[Any]] = mapped_column(server_default="[]")  # numbers of pages that are pictures
    members: Mapped[int | None]  # how many documents were taken out of it; None where that may be asked again
    parsed_by: Mapped[str | None]  # version of the parser that made the pages
    ocr_by: Mapped[str | None]  # version and languages of what read the scanned pages
    indexed_by: Mapped[str | None]  # version of the chunker, and the model, that made the chunks
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Page(Base):
    """The text of one page."""

    __tablename__ = "pages"

    document_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str | None]
    text: Mapped[str]
    source: Mapped[str | None]  # `ocr`, where the text was recognised in a picture
    confidence: Mapped[float | None]  # of recognised text, in per cent


class PageSlice(Base):
    """What one call has read of a document that takes long to parse; gone when the pages are there."""

    __tablename__ = "page_slices"

    document_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    parsed_by: Mapped[str] = mapped_column(primary_key=True)
    start: Mapped[int] = mapped_column(primary_key=True)  # index of the first page
    until: Mapped[int]  # … of the first one behind it
    data: Mapped[bytes]
    seconds: Mapped[float]  # that reading took
