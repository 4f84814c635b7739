"""Going over to another model, on the running service: searches answer from the old one until the switch."""

import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from app.commands.reembed import command
from app.development.service import service
from app.stack.whole import Stack
from config.settings import settings
from docrelay import Client, Job
from docrelay.search.vector_index import INDEX_FROM
from pipelines.model_files import find_model
from tests.service.looking import ask, wait_until

DOCUMENTS = 16
COLLECTION = "moved"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service of its own: it ends with another model than others expect. Leases short, since workers are killed."""
    with service(
        tmp_path_factory.mktemp("reembed"), embedding_arithmetic="float32", lease_seconds=3, sweep_seconds=0.5
    ) as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A client of that service."""
    with Client(stack.database_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model as another one: elsewhere, with a smaller window, so that it needs chunks of its own."""
    folder, _ = find_model(settings().embedding_model)
    copy = tmp_path_factory.mktemp("models") / "smaller"
    shutil.copytree(folder, copy)
    config = copy / "sentence_bert_config.json"
    config.write_text('{"max_seq_length": 64, "do_lower_case": false}')
    return copy


@pytest.fixture
def reembed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """The command, against that service."""
    from app.runtime import engine

    monkeypatch.setenv("DOCRELAY_DATABASE_URL", stack.database_url)
    settings.cache_clear()
    engine.cache_clear()

    def run(*arguments: str) -> str:
        answer = CliRunner().invoke(command, arguments, catch_exceptions=False)
        assert answer.exit_code == 0, answer.output
        return answer.output

    yield run
    engine().dispose()
    engine.cache_clear()
    monkeypatch.undo()
    settings.cache_clear()


def _text(number: int) -> bytes:
    topics = ["The tenant pays a deposit before the keys are handed over.", "Bees fly out when the sun warms the hive."]
    filler = " ".join(f"Paragraph {number} says more about case {number * 7 + line}." for line in range(20))
    return f"{topics[number % 2]} {filler} {uuid.uuid4().hex}".encode()


def _model(stack: Stack, generation: int) -> int:
    ((found,),) = ask(stack.database_url, f"select model_id from generations where id = {generation}")
    return int(found)


def _known(stack: Stack, folder: Path) -> int:
    """The id of a model that no worker has loaded yet."""
    name, revision = str(folder), find_model(str(folder))[1]
    statement = f"insert into models values (default, '{name}', '{revision}', 'float32', 384) returning id"
    ((found,),) = ask(stack.database_url, statement)
    return int(found)


def _many_vectors(stack: Stack, model_id: int) -> None:
    """As many of other texts as want an index."""
    statement = f"""
        insert into embeddings (model_id, text_hash, vector)
        select {model_id}, sha256(n::text::bytea),
               array(select random() from generate_series(1, 384) where n > 0)::vector
        from generate_series(1, {INDEX_FROM}) n returning 1
    """
    assert len(ask(stack.database_url, statement)) == INDEX_FROM


GENERATIONS = "select id, status from generations order by id"
INDEXES = """
    select indexrelid::regclass::text from pg_index
    where indisvalid and indexrelid::regclass::text like 'ix_embeddings_model_%'
"""
CHUNKS = "select generation, count(distinct document_id) from chunks group by 1 order by 1"


def test_it_goes_over_to_another_model(
    stack: Stack, client: Client, reembed: Callable[..., str], other_model: Path
) -> None:
    """With a worker and the dispatcher killed in the middle; what comes meanwhile is in the new one, too.

    Both have so many vectors that they get an index: the first one while the service runs, the new one beforehand.
    """

    def documents_in(generation: int) -> int:
        counts: dict[int, int] = dict(ask(stack.database_url, CHUNKS))
        return counts.get(generation, 0)

    def finished(jobs: list[Job]) -> None:
        for job in jobs:
            assert client.wait(job.id, timeout=90).status == "succeeded"

    finished(client.submit_many([_text(number) for number in range(DOCUMENTS)], collection=COLLECTION))
    assert ask(stack.database_url, INDEXES) == []  # so few vectors are all compared
    _many_vectors(stack, _model(stack, 1))
    wait_until(lambda: ask(stack.database_url, INDEXES) == [(f"ix_embeddings_model_{_model(stack, 1)}",)], 60)
    cost = reembed("--model", str(other_model), "--arithmetic", "float32", "--dry-run")
    assert "chunks/s, measured here" in cost
    assert ask(stack.database_url, GENERATIONS) == [(1, "active")]

    before = client.search("money paid to the landlord", mode="vector", limit=3)
    assert "deposit" in before[0].text
    _many_vectors(stack, _known(stack, other_model))
    reembed("--model", str(other_model), "--arithmetic", "float32", "--yes")
    wait_until(lambda: 0 < documents_in(2) < DOCUMENTS, 60)
    for role in ("vectorize", "dispatch"):
        psutil.Process(stack.supervisor.pids()[role]).send_signal(signal.SIGKILL)
    assert ask(stack.database_url, GENERATIONS) == [(1, "active"), (2, "building")]
    during = client.search("money paid to the landlord", mode="vector", limit=3, timeout=60)
    if ask(stack.database_url, GENERATIONS)[0] == (1, "active"):
        assert [(hit.text, round(hit.score, 4)) for hit in during] == [
            (hit.text, round(hit.score, 4)) for hit in before
        ]
    late = client.submit(_text(1000), collection=COLLECTION)
    finished([late])

    wait_until(lambda: (2, "active") in ask(stack.database_url, GENERATIONS), 120)
    new_index = f"ix_embeddings_model_{_model(stack, 2)}"
    assert (new_index,) in ask(stack.database_url, INDEXES)  # made before the switch, or searches would be slow
    wait_until(lambda: ask(stack.database_url, GENERATIONS) == [(1, "removed"), (2, "active")], 120)
    assert ask(stack.database_url, CHUNKS) == [(2, DOCUMENTS + 1)]
    assert ask(stack.database_url, "select 1 from chunks where tokens > 64") == []
    (model,) = ask(
        stack.database_url, "select m.id, m.name from models m join generations g on g.model_id = m.id and g.id = 2"
    )
    assert model[1] == str(other_model)
    assert ask(stack.database_url, "select distinct model_id from embeddings") == [(model[0],)]
    assert ask(stack.database_url, INDEXES) == [(new_index,)]
    after = client.search("money paid to the landlord", mode="vector", limit=3)
    assert "deposit" in after[0].text
    again = client.submit(_text(2000), collection=COLLECTION)
    finished([again])
    assert documents_in(2) == DOCUMENTS + 2
    twice = "select 1 from attempts where outcome = 'succeeded' group by stage_run_id having count(*) > 1"
    assert ask(stack.database_url, twice) == []


def test_it_is_given_up(stack: Stack, client: Client, reembed: Callable[..., str]) -> None:
    """Nothing is left of it, and searches go on."""
    _, (active, _) = ask(stack.database_url, GENERATIONS)
    reembed("--model", settings().embedding_model, "--arithmetic", "float32", "--yes")
    assert '"building"' in reembed("--status", "--json")
    assert "given up" in reembed("--abort")
    wait_until(lambda: ask(stack.database_url, GENERATIONS)[2][1] == "removed", 60)
    assert [row[0] for row in ask(stack.database_url, CHUNKS)] == [active]
    assert ask(stack.database_url, "select 1 from jobs where status in ('queued', 'running')") == []
    assert client.search("bees", collection=COLLECTION, limit=1)
    assert "nothing is being built" in reembed("--abort")
