"""A folder of files through the running service, and what came of it and what it took, as numbers by name."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.service import Service, outcomes


def index(running: Service, files: list[Path], seconds: float) -> dict[str, float]:
    """Submit them and wait until each has its outcome.

    Raises:
        TooSlow: not within `seconds`.
    """
    earlier = int(running.sql("select count(*) from jobs")[0][0])
    embedded = _embedded(running)
    before, own, started = running.used(), _own_cpu(), time.monotonic()
    jobs = running.client.submit_many(files, collection="bench")
    own = _own_cpu() - own
    # The same bytes twice in a folder are one document: its second job is answered by the first.
    ended = running.wait_all(earlier + len(jobs), seconds)
    cpu = running.used().since(before)
    ends = outcomes(running.client.jobs(ids=[job.id for job in jobs], limit=len(jobs)))
    found: dict[str, float] = {
        "all s": ended - started,
        "CPU s": cpu.service + own,
        "Postgres": cpu.postgres,
        "RabbitMQ": cpu.rabbitmq,
        "with servers": cpu.total + own,
        "bad": len(jobs) - ends.get("succeeded", 0) - ends.get("no_text", 0),
        **_made(running),
        "embedded": _embedded(running) - embedded,
    }
    return numbers(len(files), found, {"start s": running.start_seconds, "start CPU s": running.start_cpu})


def _made(running: Service) -> dict[str, float]:
    pages = running.sql("select coalesce(sum(page_count), 0) from documents")[0][0]
    chunks = running.sql("select count(*) from chunks")[0][0]
    # A text that occurs twice is embedded once.
    tokens = running.sql("select coalesce(sum(tokens), 0) from (select distinct text_hash, tokens from chunks) once")
    ran = running.sql("select coalesce(sum(ran_seconds), 0) from stage_runs where stage = 'parse'")[0][0]
    return {"pages": float(pages), "chunks": float(chunks), "tokens": float(tokens[0][0]), "parse s": float(ran)}


def _embedded(running: Service) -> float:
    return float(running.sql("select count(*) from embeddings")[0][0])


def numbers(documents: int, found: Mapping[str, float], start: Mapping[str, float]) -> dict[str, float]:
    """In one order for all sides, with what follows from it: rates, and CPU seconds for each page and token."""
    seconds = found["all s"]
    rates = {f"{name}/s": found[key] / seconds for name, key in (("pages", "pages"), ("chunks", "chunks"))}
    per_page = found["CPU s"] * 1000 / max(1.0, found["pages"])
    per_token = found["CPU s"] * 1e6 / max(1.0, found["tokens"])
    per = {"CPU ms/page": per_page, "CPU us/token": per_token, "tokens/s": found["tokens"] / seconds}
    return {"docs/s": documents / seconds, **rates, **per, **found, **start}


def _own_cpu() -> float:
    times = os.times()
    return times.user + times.system
