"""Reading a long document in several calls: what each has read is kept, and the next one goes on behind it.

So others get their turn in between, and a crash repeats one slice. What is read does not depend on where it was cut.
"""

import time
from collections.abc import Sequence

from pipelines.documents import Slice

# Opening the document, and unpacking what was read before, is to be a fifth of the time at most.
_TIMES_THE_START = 4


class Paused(Exception):  # noqa: N818
    """The document is not read to its end; ``slice`` is what was read since the one before."""

    def __init__(self, slice_: Slice) -> None:
        super().__init__(f"{slice_.until} pages are read")
        self.slice = slice_


class Slices:
    """``kept`` are the slices that earlier calls have returned, in order; this call reads for about ``seconds``."""

    def __init__(self, kept: Sequence[Slice], seconds: float) -> None:
        """The call begins."""
        self.kept = kept
        self._seconds = seconds
        self._called = self._began = time.monotonic()

    def begin(self) -> None:
        """From here on pages are read."""
        self._began = time.monotonic()

    def over(self) -> bool:
        """Whether this call has read for long enough."""
        return time.monotonic() - self._began > max(self._seconds, _TIMES_THE_START * (self._began - self._called))
