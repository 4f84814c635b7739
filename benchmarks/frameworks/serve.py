"""The framework's end of the conversation: load, say so, work when told to, say what was embedded."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from benchmarks.frameworks.task import Task, Work

Load = Callable[[Task], Callable[[], Work]]


def serve(load: Load) -> None:
    """Run one task from the command line.

    `load` imports, connects and loads the model, and returns the work; that part is before the clock.
    """
    # What libraries print from here on is no line of ours.
    lines, sys.stdout = sys.stdout, sys.stderr
    task = Task.of(sys.argv[1])
    texts = _listen()
    work = load(task)
    texts.clear()  # of warming up
    print("{}", file=lines, flush=True)
    _wait()
    done = work()
    print(json.dumps(asdict(done)), file=lines, flush=True)
    _wait()
    print(json.dumps(_count(task.model, texts)), file=lines, flush=True)


def _wait() -> None:
    if not sys.stdin.readline():
        raise SystemExit("nobody listens any more")


def _listen() -> list[str]:
    """All texts that `encode` will be given from now on, by whatever framework: nobody's word is taken for it."""
    from sentence_transformers import SentenceTransformer

    texts: list[str] = []
    encode = SentenceTransformer.encode

    def heard(self: Any, sentences: Any, *args: Any, **options: Any) -> Any:
        texts.extend([sentences] if isinstance(sentences, str) else sentences)
        return encode(self, sentences, *args, **options)

    SentenceTransformer.encode = heard
    return texts


def _count(model: str, texts: list[str]) -> dict[str, int]:
    """Texts embedded, tokens that the model saw, and tokens that it did not see because a text was too long."""
    from benchmarks.frameworks.cut import tokenizer, window

    most, counter = window(model), tokenizer(model)
    lengths = [len(each.ids) for each in counter.encode_batch(texts)] if texts else []
    return {
        "embedded": len(texts),
        "tokens": sum(min(length, most) for length in lengths),
        "lost": sum(max(0, length - most) for length in lengths),
    }
