"""What is wrong, and what to do about it: each check is one function, and none stops the next."""

from collections.abc import Iterator

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.doctor import database
from app.doctor.broker import broker
from app.doctor.findings import Finding, Verdict
from app.doctor.host import disks
from app.doctor.model import model, models, reranker, searched
from app.doctor.ocr import ocr
from app.doctor.processes import processes
from app.doctor.schedule import schedule
from app.doctor.storage import storage
from app.doctor.work import work
from app.longest_stage import longest_stage
from app.runtime import database_url
from config.settings import Settings
from docrelay.database import make_engine
from docrelay.errors import DocrelayError

__all__ = ["Finding", "Verdict", "examine"]


def examine(settings: Settings, *, deep: bool = False) -> list[Finding]:
    """All checks; those of the database only as far as it can be reached. `deep` loads the model."""
    from_database, longest = _database(settings)
    on_host = [model(settings, deep=deep), *reranker(settings, deep=deep), ocr(settings), *disks(settings)]
    return [*broker(settings, longest), *from_database, *on_host]


def _database(settings: Settings) -> tuple[list[Finding], float | None]:
    """The findings, and the longest limit of a stage in seconds, if it can be known."""
    remedy = "start it, or correct DOCRELAY_DATABASE_URL"
    try:
        engine = make_engine(settings.database_url or database_url(), pool_size=1, application="docrelay doctor")
    except DocrelayError as error:
        return [Finding("database", Verdict.FAILED, str(error), remedy)], None
    findings: list[Finding] = []
    longest: float | None = None
    try:
        with engine.connect() as connection:
            findings += database.schema(connection)
            if all(finding.verdict is Verdict.OK for finding in findings):
                longest = longest_stage(connection)
                findings += [*_rows(connection), *searched(connection, settings)]
        if longest is not None:
            findings.append(storage(settings, engine))
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        findings.append(Finding("database", Verdict.FAILED, reason, remedy))
    finally:
        engine.dispose()
    return findings, longest


def _rows(connection: Connection) -> Iterator[Finding]:
    yield database.connections(connection)
    yield database.clock(connection)
    yield from processes(connection)
    yield from schedule(connection)
    yield from work(connection)
    yield from models(connection)
