"""What was wanted of a run, and what came of it."""

from dataclasses import dataclass, field
from pathlib import Path

from chaos.documents import Document, documents, from_folder
from chaos.inject import Injection
from chaos.judge import Verdict
from chaos.target import Timing

WORDS = 700
"""Of a document that is made: enough for some chunks, so that stages take long enough to be hit."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run."""

    documents: int = 100
    faults: int = 20
    seed: int = 1
    corpus: Path | None = None
    broker: str = "rabbitmq"
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    overlap: float = 0.0
    patience: float = 120.0
    """Seconds in which everything must be over after the last fault, or three times what it took without faults."""
    timing: Timing = field(default_factory=Timing)

    def load(self) -> list[Document]:
        """The documents."""
        if self.corpus:
            return from_folder(self.corpus, self.documents, self.seed)
        return documents(self.documents, self.seed, words=WORDS)


@dataclass(slots=True)
class Outcome:
    """A run that is over, or was."""

    wanted: Wanted
    accepted: int = 0
    refused: int = 0
    spare: int = 0
    calm_seconds: float = 0.0
    seconds: float = 0.0
    all_submitted: bool = False
    injections: list[Injection] = field(default_factory=list)
    unseen: list[Injection] = field(default_factory=list)
    """Tries of a fault of which nothing was seen, and that were made again."""
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def late(self) -> list[Injection]:
        """Faults after which some job stood still longer than was promised."""
        bound = self.wanted.timing.bound
        tried = [*self.injections, *self.unseen]
        return [each for each in tried if each.moved_seconds is None or each.moved_seconds > bound]

    @property
    def good(self) -> bool:
        """Whether every fault happened and every promise held."""
        happened = all(each.happened for each in self.injections)
        return self.all_submitted and happened and not self.late and self.verdict.good
