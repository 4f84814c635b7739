"""The model in 8-bit integers, made once and kept beside the environments."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.frameworks import rival
from benchmarks.frameworks.environments import command, install, read_quantizer
from benchmarks.frameworks.task import INTEGERS
from pipelines.samples import SAMPLES

PROGRAM = "benchmarks.frameworks.quantize"


def quantized(model: Path, cache: Path) -> Path:
    """The folder of the model with its weights in integers.

    Raises:
        NotInstalled: it cannot be made; the message has the last lines.
    """
    made = cache.resolve() / INTEGERS
    if made.exists():
        return made
    python = install(read_quantizer(), cache)
    # Beside its place, so that it comes there at once: half a model must not be taken for one.
    with TemporaryDirectory(prefix=".quantize-", dir=made.parent) as place:
        texts, aside = Path(place) / "texts", Path(place) / "model"
        texts.mkdir()
        lines = (json.dumps({"text": text}) + "\n" for text in SAMPLES)
        (texts / "train.jsonl").write_text("".join(lines), "utf-8")
        command([str(python), "-m", PROGRAM, str(model), str(aside), str(texts)], folder=rival.ROOT, extra=rival.QUIET)
        aside.rename(made)
    return made
