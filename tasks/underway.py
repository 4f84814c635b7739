"""Texts that a document of this worker is computing now: another one with the same text waits for the result."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_lock = threading.Lock()
_texts: set[tuple[int, bytes]] = set()


@contextmanager
def reserved(model_id: int, hashes: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Within the block, those of the texts that nobody else computes are ours; which they are."""
    with _lock:
        mine = [each for each in hashes if (model_id, each) not in _texts]
        _texts.update((model_id, each) for each in mine)
    try:
        yield mine
    finally:
        with _lock:
            _texts.difference_update((model_id, each) for each in mine)
