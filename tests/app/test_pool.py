"""Processes that are ready before a document needs them."""

from collections.abc import Iterator

import pytest

from app.isolation import DocumentProcess, ProcessDied
from tasks.pool import Pool
from tasks.serving import LIMITS, NoWatch

CALLS, AHEAD = 6, 2


@pytest.fixture
def made() -> list[DocumentProcess]:
    return []


@pytest.fixture
def pool(made: list[DocumentProcess], monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    monkeypatch.setattr("tasks.pool.CALLS", CALLS)
    monkeypatch.setattr("tasks.pool.AHEAD", AHEAD)

    def make() -> DocumentProcess:
        made.append(DocumentProcess("tests.isolation.hostile", memory_mb=512))
        return made[-1]

    pool = Pool(make)
    yield pool
    pool.close()
    assert [process.pid for process in made] == [None] * len(made)


def work(pool: Pool) -> DocumentProcess:
    process = pool.take()
    try:
        assert process.call("echo", {"text": "x"}, str, LIMITS, NoWatch()) == "x"
    finally:
        pool.give_back(process)
    return process


def test_the_one_used_last_is_used_again(pool: Pool, made: list[DocumentProcess]) -> None:
    pool.warm(2)
    pool.warm(2)
    assert [process.pid is not None for process in made] == [True, True]
    first, other = pool.take(), pool.take()
    assert {first, other} == set(made)
    pool.give_back(other)
    pool.give_back(first)
    assert [work(pool), work(pool)] == [first, first]


def test_a_successor_is_started_before_it_is_needed(pool: Pool, made: list[DocumentProcess]) -> None:
    used = [work(pool) for _ in range(CALLS - AHEAD)]
    assert used == [made[0]] * (CALLS - AHEAD)
    assert [process.pid is not None for process in made] == [True, True]
    assert [work(pool) for _ in range(AHEAD + 1)] == [made[0]] * AHEAD + [made[1]]
    assert (made[0].pid, len(made)) == (None, 2)


def test_one_that_comes_back_after_the_end_is_ended(pool: Pool, made: list[DocumentProcess]) -> None:
    """A document was still at work when the last generation of its model went."""
    pool.warm(2)
    taken = pool.take()
    pool.close()
    assert [process.pid is not None for process in made] == [process is taken for process in made]
    pool.give_back(taken)
    assert taken.pid is None


def test_one_that_died_is_replaced(pool: Pool, made: list[DocumentProcess]) -> None:
    process = pool.take()
    with pytest.raises(ProcessDied):
        process.call("crash", {}, int, LIMITS, NoWatch())
    pool.give_back(process)
    assert work(pool) is made[1]
