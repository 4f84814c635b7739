"""Several documents in one call of the model: each gets its own vectors, and nobody another's failure."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from app.isolation import Limits, Watch
from app.isolation.failures import ProcessDied
from tasks.model_turns import Rank, Turns
from tasks.serving import LIMITS, NoWatch
from tasks.together import SLICE_TEXTS, Together

WIDTH = 8
SECONDS = 10.0


class Model:
    """Gives each text eight bytes, and computes the first call only when it is let go."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.goes_on = threading.Event()

    def __call__(self, texts: list[str], limits: Limits, watch: Watch) -> bytes:
        self.calls.append(texts)
        assert self.goes_on.wait(SECONDS)
        for done, text in enumerate(texts, 1):
            watch.check()
            watch.progress(done, len(texts))
            if "poison" in text:
                raise ProcessDied(-11)
        return b"".join(text.encode().ljust(WIDTH)[:WIDTH] for text in texts)


class Callers:
    """Documents that want vectors, each in a thread of its own, in the order in which they ask."""

    def __init__(self, together: Together) -> None:
        self._together = together
        self._pool = ThreadPoolExecutor(16)

    def ask(self, texts: list[str], rank: Rank = Rank.DOCUMENT, watch: Watch | None = None) -> "Future[bytes]":
        before = len(self._together._waiting)
        future = self._pool.submit(self._together.embed, texts, LIMITS, watch or NoWatch(), rank=rank)
        _until(lambda: len(self._together._waiting) > before and len(self._together._turns._waiting) >= before)
        return future


def _until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.001)


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def callers(model: Model) -> Callers:
    return Callers(Together(Turns(), model))


def vectors(*texts: str) -> bytes:
    return b"".join(text.encode().ljust(WIDTH) for text in texts)


def test_whoever_waits_goes_along(model: Model, callers: Callers) -> None:
    first = callers.ask(["a"])
    _until(lambda: len(model.calls) == 1)
    others = [callers.ask([f"b{number}", f"c{number}"]) for number in range(5)]
    model.goes_on.set()
    assert first.result(SECONDS) == vectors("a")
    for number, other in enumerate(others):
        assert other.result(SECONDS) == vectors(f"b{number}", f"c{number}")
    assert model.calls == [["a"], [f"{letter}{number}" for number in range(5) for letter in "bc"]]


def test_as_many_as_fit_and_of_one_rank(model: Model, callers: Callers) -> None:
    """One that does not fit waits for its turn; those behind it are not kept by it, nor it by them."""
    first = callers.ask(["first"])
    _until(lambda: len(model.calls) == 1)
    asked = [
        callers.ask(["half"] * (SLICE_TEXTS // 2)),
        callers.ask(["more"] * (SLICE_TEXTS // 2 + 1)),
        callers.ask(["little"] * 3),
        callers.ask(["search"], Rank.SEARCH),
        callers.ask(["whole"] * SLICE_TEXTS),
        callers.ask(["end"] * 2),
    ]
    model.goes_on.set()
    assert [future.result(SECONDS)[:WIDTH].strip() for future in (first, *asked)] == [
        b"first",
        b"half",
        b"more",
        b"little",
        b"search",
        b"whole",
        b"end",
    ]
    assert [dict.fromkeys(call) for call in model.calls] == [
        {"first": None},
        {"search": None},
        {"half": None, "little": None, "end": None},
        {"more": None},
        {"whole": None},
    ]


def test_a_text_that_kills_the_model_fails_its_own_document_alone(
    model: Model, callers: Callers, caplog: pytest.LogCaptureFixture
) -> None:
    first = callers.ask(["a"])
    _until(lambda: len(model.calls) == 1)
    good, bad, other = callers.ask(["good"]), callers.ask(["poison"]), callers.ask(["other"])
    model.goes_on.set()
    assert first.result(SECONDS) == vectors("a")
    assert good.result(SECONDS) == vectors("good")
    with pytest.raises(ProcessDied):
        bad.result(SECONDS)
    assert other.result(SECONDS) == vectors("other")
    assert model.calls[1:] == [["good", "poison", "other"], ["good"], ["poison"], ["other"]]
    assert "a call for 3 documents failed, each is tried alone now: the document's process was killed" in caplog.text


@pytest.mark.parametrize("_", range(10))
def test_one_that_needs_no_turn_any_more_lets_the_next_one_have_it(_: int) -> None:
    """The one behind has mostly looked already, and seen another before it: it must be woken once more."""
    turns, served = Turns(), threading.Event()

    def take(rank: Rank, is_served: Callable[[], bool]) -> None:
        with turns.take(rank, served=is_served):
            pass

    threads = [
        threading.Thread(target=take, args=(Rank.DOCUMENT, lambda: False), daemon=True),
        threading.Thread(target=take, args=(Rank.SEARCH, served.is_set), daemon=True),
    ]
    with turns.take(Rank.DOCUMENT):
        for count, thread in enumerate(threads, 1):
            thread.start()
            _until(lambda count=count: len(turns._waiting) == count)  # type: ignore[misc]
        served.set()
    for thread in threads:
        thread.join(SECONDS)
    assert not any(thread.is_alive() for thread in threads)


class Cancelled(Exception):  # noqa: N818
    """What the watch of a document says that was cancelled."""


class CancelledWatch(NoWatch):
    def check(self) -> None:
        raise Cancelled


class Seen(NoWatch):
    def __init__(self) -> None:
        self.told: list[tuple[int, int]] = []

    def progress(self, done: int, total: int) -> None:
        self.told.append((done, total))


def test_a_document_that_is_cancelled_takes_nobody_along(model: Model, callers: Callers) -> None:
    seen = Seen()
    first = callers.ask(["a"])
    _until(lambda: len(model.calls) == 1)
    cancelled, other = callers.ask(["x", "y"], watch=CancelledWatch()), callers.ask(["b", "c"], watch=seen)
    last = callers.ask(["d", "e"])
    model.goes_on.set()
    assert first.result(SECONDS) == vectors("a")
    with pytest.raises(Cancelled):
        cancelled.result(SECONDS)
    assert (other.result(SECONDS), last.result(SECONDS)) == (vectors("b", "c"), vectors("d", "e"))
    assert seen.told == [(0, 2), (1, 2), (1, 2), (2, 2)]  # its share of four texts
