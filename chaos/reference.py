"""The same documents without faults: what was made of them is kept, and compared with row by row."""

import uuid

import psycopg

from chaos.storage import DAMAGED

COSINE = 0.9999
"""Vectors of one text may differ in the last bits, by what else was in the batch."""

KEEP = """
    create schema calm;
    create table calm.jobs as
        select d.sha256, j.status, j.error ->> 'code' as code,
               (select sum(failures + strikes) from stage_runs s where s.job_id = j.id) as charged
        from public.jobs j join documents d on d.id = j.document_id;
    create table calm.pages as
        select d.sha256, p.number, p.label, p.text from public.pages p join documents d on d.id = p.document_id;
    create table calm.chunks as
        select d.sha256, c.ordinal, c.page_first, c.page_last, c.span_start, c.span_end, c.heading, c.tokens,
               c.text, c.text_hash
        from public.chunks c join documents d on d.id = c.document_id;
    create table calm.embeddings as select * from public.embeddings;
    -- Nothing of it may be found again by the run with faults: it has to make everything itself.
    truncate documents, contents, public.embeddings, dead_messages cascade;
"""

# A document whose process was killed while it was parsed is read by the fallback parser, whose text may differ.
COMPARED = """
    select j.id, d.sha256 from public.jobs j join documents d on d.id = j.document_id
    where j.finished_at is not null and exists (select 1 from calm.jobs c where c.sha256 = d.sha256)
      and not exists (select 1 from stage_runs s where s.job_id = j.id and s.stage = 'parse' and s.strikes > 0)
"""

NOW_PAGES = """
    select d.sha256, p.number, p.label, p.text from public.pages p join documents d on d.id = p.document_id
"""

NOW_CHUNKS = """
    select d.sha256, c.ordinal, c.page_first, c.page_last, c.span_start, c.span_end, c.heading, c.tokens,
           c.text, c.text_hash
    from public.chunks c join documents d on d.id = c.document_id
"""


def _differing(now: str, calm: str) -> str:
    return f"""
        with compared as ({COMPARED}), now as ({now}), calm as (select * from {calm}),
        different as ((select * from now except all select * from calm)
                      union all (select * from calm except all select * from now))
        select distinct compared.id from compared join different using (sha256)
    """  # noqa: S608 - constants of ours


DIFFERENCES = {
    "text unlike that of a run without faults": _differing(NOW_PAGES, "calm.pages"),
    "chunks unlike those of a run without faults": _differing(NOW_CHUNKS, "calm.chunks"),
    "vectors unlike those of a run without faults": f"""
        with compared as ({COMPARED})
        select distinct compared.id from compared join calm.chunks c using (sha256)
            join calm.embeddings a using (text_hash)
            left join public.embeddings b using (model_id, text_hash)
        where b.vector is null or 1 - (a.vector <=> b.vector) < {COSINE}""",  # noqa: S608
    "another outcome than without faults": f"""
        with compared as ({COMPARED})
        select compared.id from compared join public.jobs j on j.id = compared.id
            join calm.jobs c using (sha256)
        where (j.status, j.error ->> 'code') is distinct from (c.status, c.code)""",  # noqa: S608
    "bytes that were missing did not fail with a reason": """
        select j.id from public.jobs j join documents d on d.id = j.document_id
        where starts_with(d.name, %(damaged)s)
          and (j.status <> 'failed' or coalesce(j.error ->> 'code', '') <> 'contents_damaged')""",
    # Bytes that could be read only later, and documents that were made since none was left.
    "good documents that did not succeed": """
        select j.id from public.jobs j join documents d on d.id = j.document_id
        where j.status <> 'succeeded' and not starts_with(d.name, %(damaged)s)
          and not exists (select 1 from calm.jobs c where c.sha256 = d.sha256)""",
}

CHARGED = """
    select j.id from public.jobs j join documents d on d.id = j.document_id left join calm.jobs c using (sha256)
    where not starts_with(d.name, %(damaged)s)
      and (select sum(failures + strikes) from stage_runs s where s.job_id = j.id)
        > coalesce(c.charged, 0)
          + (select count(*) from attempts a join stage_runs s on s.id = a.stage_run_id
             where s.job_id = j.id and a.outcome in ('crashed', 'limit'))
"""
"""Strikes for a document's process that died are left out here: the run counts them against those it has killed."""

ORPHANS = """
    select count(*) from public.embeddings e
    where not exists (select 1 from public.chunks c where c.text_hash = e.text_hash)
      and not exists (select 1 from calm.embeddings c where c.text_hash = e.text_hash)
"""


def keep(connection: psycopg.Connection) -> None:
    """Put the rows of the run without faults aside, and empty the tables."""
    connection.execute(KEEP.encode())


def differences(connection: psycopg.Connection) -> dict[str, set[uuid.UUID]]:
    """By what is different, the jobs it is different for."""
    values = {"damaged": DAMAGED}
    answers = {what: {row[0] for row in connection.execute(sql.encode(), values)} for what, sql in DIFFERENCES.items()}
    return {what: ids for what, ids in answers.items() if ids}


def charged(connection: psycopg.Connection) -> set[uuid.UUID]:
    """Jobs that paid for what was not their fault, beyond the documents' processes that died."""
    return {row[0] for row in connection.execute(CHARGED.encode(), {"damaged": DAMAGED})}
