"""Faults of stored bytes."""

from sqlalchemy import text

from chaos.load import COLLECTION
from chaos.target import NotInjected, Target
from docrelay import Client
from docrelay.database import make_engine

DAMAGED = "damaged-"


def missing_bytes(target: Target) -> str:
    """A document whose bytes are gone before anybody reads them: it must fail, and say why."""
    name = f"{DAMAGED}{target.dice.getrandbits(40):010x}.md"
    engine = make_engine(target.stack.database_url, application="chaos")
    try:
        # One transaction, so that no worker can be faster.
        with Client(target.stack.database_url) as client, engine.begin() as connection:
            job = client.submit(
                f"# {name}\n\nNobody will read this.".encode(),
                name=name,
                collection=COLLECTION,
                key=name,
                notify=[target.load.receiver],
                session=connection,
            )
            gone = text(
                "delete from pieces where sha256 = "
                "(select d.sha256 from documents d join jobs j on j.document_id = d.id where j.id = :id)"
            )
            removed = connection.execute(gone, {"id": job.id}).rowcount
    finally:
        engine.dispose()
    if not removed:
        raise NotInjected("there were no pieces to remove")
    target.load.note(job.id, name)
    return f"{removed} pieces of {name} removed"
