"""What goes on beside a measurement, in a thread, for as long as that lasts."""

import threading
from typing import Self


class Beside:
    """Does `run` in a thread within the block, which ends when that does: it is to end soon after `over` is set."""

    def __init__(self) -> None:
        """It begins with the block."""
        self.over = threading.Event()
        self._thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        """What is to be done."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()
