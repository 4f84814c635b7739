"""The pipelines by name: which stages a document passes, in order, and the limits of each stage."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage and its limits.

    ``seconds`` bounds the whole stage, ``silence`` the time without progress, ``memory_mb`` the resident memory of the
    process that works the document. ``after_outcome`` marks a stage that runs once the job's outcome is known,
    whatever it is, ``on_demand`` one that is added to a job by the stage before it, if the document needs it.
    """

    name: str
    seconds: int
    silence: int
    memory_mb: int
    after_outcome: bool = False
    on_demand: bool = False


# The slowest sane page of the corpora we measured takes 2 s; a page that takes a minute never ends. No process
# of a document may hold more than 1 GiB: 64 MiB of that are for what is taken between the last look and its end.
_PARSE = StageSpec("parse", seconds=600, silence=60, memory_mb=960)
# A dense page takes 2 s, one of a newspaper 20 s; the silence is the limit on one page. When the time is over, what was
# read is kept and the stage goes on in its next turn: sooner than RabbitMQ cuts off who holds a message.
_OCR = StageSpec("ocr", seconds=1500, silence=90, memory_mb=1536, on_demand=True)
# Torch and a small model hold 600 MB before the first batch; larger models need the rest.
_VECTORIZE = StageSpec("vectorize", seconds=3600, silence=120, memory_mb=4096)
_NOTIFY = StageSpec("notify", seconds=120, silence=60, memory_mb=512, after_outcome=True)

PIPELINES: dict[str, tuple[StageSpec, ...]] = {
    "index": (_PARSE, _OCR, _VECTORIZE, _NOTIFY),
    "extract": (_PARSE, _OCR, _NOTIFY),
    "reembed": (_VECTORIZE, _NOTIFY),
}
