"""What the tests of document processes share."""

from collections.abc import Iterator

import pytest

from app.isolation import DocumentProcess


@pytest.fixture
def process() -> Iterator[DocumentProcess]:
    """A process that does what hostile documents make a parser do."""
    process = DocumentProcess("tests.isolation.hostile", memory_mb=512)
    yield process
    process.kill()
