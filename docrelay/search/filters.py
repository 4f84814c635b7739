"""Which documents a search looks at."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement

from docrelay import tables as t


@dataclass(frozen=True, slots=True)
class Filters:
    """All that are given must hold.

    `metadata` holds the pairs that a document's metadata must contain, `since` and `until` bound the time at which it
    was submitted (the second is not included), `documents` and `media_types` list what is allowed.
    """

    collections: Sequence[str] = ()
    metadata: Mapping[str, Any] | None = None
    documents: Sequence[uuid.UUID] = ()
    media_types: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions on a document; none if every document will do."""
        found: list[ColumnElement[bool]] = []
        if self.collections:
            found.append(t.Document.collection.in_(self.collections))
        if self.metadata:
            found.append(t.Document.meta.contains(dict(self.metadata)))
        if self.documents:
            found.append(t.Document.id.in_(self.documents))
        if self.media_types:
            found.append(t.Document.media_type.in_(self.media_types))
        if self.since is not None:
            found.append(t.Document.created_at >= self.since)
        if self.until is not None:
            found.append(t.Document.created_at < self.until)
        return found
