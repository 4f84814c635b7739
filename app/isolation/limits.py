"""What one call may use, and whether it still does."""

from dataclasses import dataclass

from app.isolation.failures import Exceeded, LimitHit

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one call: seconds in all, seconds without progress, and MiB of memory, of the process and all it starts.

    The memory's number bounds the answer and the temporary files too, each by itself. The seconds that earlier calls
    for the same have `spent` count.
    """

    seconds: float
    silence: float
    memory_mb: int
    spent: float = 0.0
    processes: int = 64
    """A document process may start others; one that starts so many at a time is out of its mind."""

    def check_time(self, ran: float, silent: float) -> None:
        """Raise LimitHit if it ran, or was silent, for too long."""
        ran += self.spent
        if ran > self.seconds:
            raise LimitHit(Exceeded("time", self.seconds, round(ran, 2), "s"), f"it ran {ran:.1f} s")
        if silent > self.silence:
            how = f"no progress for {silent:.1f} s"
            raise LimitHit(Exceeded("silence", self.silence, round(silent, 2), "s"), how)

    def check_memory(self, used: int) -> None:
        """Raise LimitHit if these are too many bytes."""
        self._check_bytes("memory", used)

    def check_files(self, used: int) -> None:
        """The same for temporary files."""
        self._check_bytes("temporary files", used)

    def check_answer(self, length: int) -> None:
        """The same for an answer that is announced."""
        self._check_bytes("the answer", length)

    def _check_bytes(self, limit: str, used: int) -> None:
        if used > self.memory_mb * MIB:
            raise LimitHit(Exceeded(limit, self.memory_mb, used // MIB, "MiB"))

    def check_processes(self, count: int) -> None:
        """Raise LimitHit if there are too many."""
        if count > self.processes:
            raise LimitHit(Exceeded("processes", self.processes, count, "processes"), f"there were {count}")
