"""Tables as long use leaves them: very many finished jobs, each with all that belongs to it, written by Postgres.

They look as if the service had worked them off, one a second until now: a document with its bytes, three stages, an
attempt and the events of each, a notification for every fourth, one open batch with a tenth of them in it. A fiftieth
has failed; in quarantine are always forty, however many there are.
"""

import psycopg

COLLECTIONS = 200
QUARANTINED = 40
BATCH = "00000000-0000-7000-8000-000000000001"
"""The open batch: someone has submitted very many documents at once, and the last of them are under way."""

FILLED, FILLED_IN = b"text 4", "c0"
"""A document that is always there, and where."""

MADE = """
    create unlogged table made as
    select n, uuidv7(ago) as job_id, uuidv7(ago - interval '1 ms') as document_id, now() + ago as at,
           sha256(convert_to('text ' || n, 'utf8')) as sha256,
           -- Of two hundred, the first holds a sixth of all and the last a six-hundredth.
           'c' || floor(COLLECTIONS * power((n * 7919::bigint % 10007) / 10007.0, 3)) as collection,
           case when n % greatest(1, JOBS / QUARANTINED) = 1 then 'quarantined' when n % 50 = 7 then 'failed'
                when n % 200 = 3 then 'no_text' else 'succeeded' end as status,
           n % 4 = 0 as told
    from generate_series(1, JOBS) n, lateral (select (n - JOBS - 60) * interval '1 second' as ago) a
"""

ERROR = """jsonb_build_object('stage', 'parse', 'class', 'permanent', 'code', 'corrupt', 'message', 'it is broken')"""

ROWS = (
    "insert into contents (sha256, size, created_at) select sha256, 20, at from made",
    "insert into pieces (sha256, number, data) select sha256, 0, convert_to('text ' || n, 'utf8') from made",
    """
    insert into documents (id, collection, sha256, name, size, metadata, media_type, page_count, parsed_by, indexed_by,
                           created_at, updated_at)
    select document_id, collection, sha256, 'document ' || n || '.txt', 20, jsonb_build_object('number', n),
           'text/plain', 1, '1', '1', at, at from made
    """,
    f"""
    insert into batches (id, collection, total, created_at) select '{BATCH}', 'c0', count(*) / 10, min(at) from made
    """,
    f"""
    insert into jobs (id, document_id, collection, name, pipeline, fingerprint, status, batch_id, error,
                      created_at, started_at, finished_at)
    select job_id, document_id, collection, 'document ' || n || '.txt', 'index',
           (select fingerprint from pipelines where name = 'index'), status,
           case when n % 10 = 5 then '{BATCH}'::uuid end,
           case when status in ('failed', 'quarantined') then {ERROR} end,
           at, at + interval '1 second', at + interval '3 seconds' from made
    """,
    """
    create unlogged table made_stages as
    select uuidv7(at - now()) as id, job_id, collection, at, position, spec ->> 'name' as stage, spec,
           case when spec ->> 'name' = 'parse' and status in ('failed', 'quarantined') then status
                when status in ('failed', 'quarantined') or spec ->> 'name' = 'notify' and not told
                  or spec ->> 'name' = 'vectorize' and status = 'no_text' then 'skipped'
                else 'succeeded' end as status
    from made cross join (
        select row_number() over (order by place) - 1 as position, spec
        from pipelines, jsonb_array_elements(stages) with ordinality s(spec, place)
        where name = 'index' and not (spec ->> 'on_demand')::boolean) specs
    """,
    f"""
    insert into stage_runs (id, job_id, position, stage, queue, status, priority, collection, after_outcome, seconds,
                            silence, memory_mb, due_at, ready_at, announced_at, announcements, attempt, worker,
                            claimed_at, ran_seconds, started_at, finished_at, error, result)
    select id, job_id, position, stage, spec ->> 'queue', status, 5, collection, (spec ->> 'after_outcome')::boolean,
           (spec ->> 'seconds')::int, (spec ->> 'silence')::int, (spec ->> 'memory_mb')::int, at, at, at, 1, 1,
           'worker@here:1', at, 0.5, at, at + interval '1 second',
           case when status in ('failed', 'quarantined') then {ERROR} end, '{{"pages": 1}}'
    from made_stages
    """,
    """
    insert into attempts (stage_run_id, number, token, worker, host, pid, message_id, started_at, ended_at, outcome)
    select id, 1, 1, 'worker@here:1', 'here', 1, id || '.1.1', at, at + interval '1 second', status
    from made_stages where status <> 'skipped'
    """,
    """
    insert into events (job_id, at, kind, stage, attempt, who, detail)
    select job_id, at, what.kind, what.stage, case when what.stage is not null then 1 end, what.who, what.detail::jsonb
    from made cross join lateral (values
        ('accepted', null, 'client', '{"pipeline": "index", "priority": 5}', true),
        ('started', 'parse', 'worker@here:1', '{}', true),
        (case when status in ('succeeded', 'no_text') then 'succeeded' else status end, 'parse', 'worker@here:1',
         '{"pages": 1}', true),
        ('started', 'vectorize', 'worker@here:1', '{}', status = 'succeeded'),
        ('succeeded', 'vectorize', 'worker@here:1', '{"chunks": 1}', status = 'succeeded'),
        ('job ' || status, null, 'worker@here:1', '{}', true),
        ('started', 'notify', 'worker@here:1', '{}', told),
        ('succeeded', 'notify', 'worker@here:1', '{"sent": 1}', told)) what(kind, stage, who, detail, happened)
    where what.happened
    """,
    """
    insert into deliveries (id, job_id, event, target, payload, status, tries, due_at, status_code, seconds,
                            created_at, delivered_at)
    select uuidv7(at - now()), job_id, 'job.' || status, 'https://example.org/hook/' || n % 50,
           jsonb_build_object('type', 'job.' || status, 'data', jsonb_build_object('job_id', job_id)),
           case when n % 400 = 0 then 'failed' else 'delivered' end, 1, at, 200, 0.1, at, at
    from made where told
    """,
    """
    insert into delivery_attempts (delivery_id, number, at, seconds, status_code, sender)
    select id, 1, created_at, 0.1, 200, 'worker@here:1' from deliveries
    """,
)


def fill(superuser_url: str, jobs: int) -> None:
    """Write so many finished jobs into the empty tables of the service.

    Foreign keys are not checked: each row is made from the one that it names.
    """
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for setting in (
            "session_replication_role = replica",
            "synchronous_commit = off",
            "max_parallel_workers_per_gather = 0",  # in the order of the jobs, as the service would write them
            "work_mem = '64MB'",
        ):
            connection.execute(f"set {setting}".encode())
        numbers = {"JOBS": jobs, "COLLECTIONS": COLLECTIONS, "QUARANTINED": QUARANTINED}
        made = MADE
        for name, number in numbers.items():
            made = made.replace(name, str(number))
        connection.execute(made.encode())
        for statement in ROWS:
            connection.execute(statement.encode())
        connection.execute("drop table made, made_stages")


def settle(superuser_url: str) -> None:
    """Give the planner its statistics, and let nothing else run from now on."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("alter system set autovacuum = off")
        connection.execute("select pg_reload_conf()")
        connection.execute("vacuum (analyze)")
        connection.execute("checkpoint")
