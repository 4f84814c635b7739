"""`verify`: a sample of documents looked at end to end: bytes, text, vectors, and whether search finds the text."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, text

from app.runtime import database_url, engine
from app.schedule.recurring import Run, recurring, refused, try_later
from config.settings import settings
from docrelay import contents
from docrelay.contents import ContentsDamaged
from docrelay.errors import SearchUnavailable
from docrelay.names import SCHEDULE_COLLECTION
from docrelay.search import Filters, search
from tasks.recurring.choosing import like

SEARCH_SECONDS = 30.0
HITS = 10
QUERY_CHARACTERS = 300


class Verify(BaseModel):
    """The arguments of `verify`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collection: Annotated[str, Field(min_length=1)] = "*"
    sample: Annotated[int, Field(ge=1, le=100_000)] = 100
    search: Literal["vector", "text", "none"] = "vector"
    """How to look for a passage's own text: by meaning, which needs a vectorize worker, by words, or not at all."""


# What retention has taken is not missing.
SAMPLE = text(
    """
    select d.id, d.name, d.collection, d.sha256, d.page_count, d.parsed_by, d.indexed_by, c.let_go_at,
           (select count(*) from pages p where p.document_id = d.id) as pages,
           (select count(*) from chunks k where k.document_id = d.id and k.generation = g.id) as chunks,
           (select count(*) from chunks k where k.document_id = d.id and k.generation = g.id and not exists (
                select 1 from embeddings e where e.model_id = g.model_id and e.text_hash = k.text_hash)) as bare,
           (select k.text from chunks k where k.document_id = d.id and k.generation = g.id
            order by random() limit 1) as passage
    from (select d.* from documents d
          where d.collection like :like and d.collection <> :ours
            and exists (select 1 from jobs j where j.document_id = d.id and j.status = 'succeeded')
            and not exists (select 1 from jobs j where j.document_id = d.id and j.status in ('queued', 'running'))
          order by random() limit :sample) d
    join contents c on c.sha256 = d.sha256
    cross join (select id, model_id from generations where status = 'active') g
    """
)


@recurring("verify", Verify)
def verify(run: Run, wanted: Verify) -> dict[str, Any]:
    """Look at a sample; the run fails, and names them, if some are not whole."""
    values = {"like": like(wanted.collection), "ours": SCHEDULE_COLLECTION, "sample": wanted.sample}
    rows = run.read(lambda connection: connection.execute(SAMPLE, values).all())
    problems: list[dict[str, str]] = []
    for number, row in enumerate(rows, 1):
        run.check()
        problems += [{"document": row.name, "id": str(row.id), "problem": why} for why in _problems(run, row, wanted)]
        run.progress(number, len(rows), "documents")
    report: dict[str, Any] = {"looked_at": len(rows), "not_whole": len({each["id"] for each in problems})}
    if problems:
        run.keep({**report, "problems": problems[:100]})
        first = f"{problems[0]['document']}: {problems[0]['problem']}"
        raise refused("not_whole", f"{report['not_whole']} of {len(rows)} documents are not whole; the first: {first}")
    return report


def _problems(run: Run, row: Any, wanted: Verify) -> Iterator[str]:
    if row.let_go_at is None:
        try:
            run.read(lambda connection: _read(connection, row.sha256))
        except ContentsDamaged as error:
            yield str(error)
    if row.parsed_by and row.page_count and not row.pages:
        yield "it was parsed, and has no text"
    if row.indexed_by and not row.chunks:
        yield "it was indexed, and has no passages"
    if row.bare:
        yield f"{row.bare} of its {row.chunks} passages have no vector"
    elif row.passage and wanted.search != "none" and not _is_found(row, wanted.search):
        yield f"a {wanted.search} search for a passage of it does not find it"


def _read(connection: Connection, sha256: bytes) -> None:
    contents.read(connection, sha256, settings().storage_url)


def _is_found(row: Any, mode: str) -> bool:
    """Whether it, or a document with the very same passage, is among the hits for a passage's own words."""
    filters = Filters(collections=[row.collection])
    # By words, a whole passage asks for all of them; its beginning is enough to find it.
    query = row.passage if mode == "vector" else row.passage[:QUERY_CHARACTERS].rpartition(" ")[0] or row.passage
    try:
        hits = search(engine(), database_url(), query, filters, mode=mode, limit=HITS, timeout=SEARCH_SECONDS)
    except SearchUnavailable as error:
        raise try_later("search", str(error)) from error
    return any(hit.document.id == row.id or hit.text == row.passage for hit in hits)
