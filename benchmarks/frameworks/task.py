"""What the two sides of a framework's process tell each other; imported in every environment, so plain Python only."""

import json
from dataclasses import asdict, dataclass
from typing import Final

TABLE: Final = "rival"
"""What the framework's table of vectors is called, where the framework lets one choose."""

INTEGERS: Final = "openvino-int8"
"""By a model of its own, which `quantized` makes."""

ARITHMETICS: Final = ("float32", "bfloat16", "openvino", "openvino-bfloat16", INTEGERS)


@dataclass(frozen=True, slots=True)
class Task:
    """What a framework is to do."""

    folder: str
    """Of PDFs, all to be taken."""
    database: str
    """`postgresql://user:password@host:port/name`, with the extension `vector`."""
    state: str
    """A folder for what it wants to remember until its next run."""
    model: str
    """Folder of the model."""
    arithmetic: str
    """One of `ARITHMETICS`."""

    def dump(self) -> str:
        """For the command line."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> "Task":
        """What `dump` has made."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Work:
    """What a framework says that it has done."""

    pages: int
    chunks: int
    bad: int
    """Files that could not be read."""
    table: str = TABLE
    """Where its vectors are: we count them ourselves."""
