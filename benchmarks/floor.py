"""The floor of `throughput`: one process that reads PDFs and embeds their text in a loop, as anyone would write it.

`python -m benchmarks.floor pypdf|pdfium|whole` says on its output when its model is loaded, then reads the names
of the files from its input, a line each, and answers with what it took. No rows, no retries, no search.

Of a chunk the model sees its first 256 tokens, and 180 words often have more. `whole` is `pdfium` with such
chunks halved until they fit, so that it embeds all of the text, as the service does.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

WORDS = 180
BATCH = 32


def main(engine: str, model: str) -> None:
    """Load, say so, work, answer."""
    started = time.monotonic()
    read = {"pypdf": _pypdf, "pdfium": _pdfium, "whole": _pdfium}[engine]()
    from sentence_transformers import SentenceTransformer

    from pipelines.model_files import find_model

    encoder = SentenceTransformer(str(find_model(model)[0]), device="cpu")
    encoder.encode(["A text to warm up with."], batch_size=BATCH)
    _say({"start s": time.monotonic() - started, "start CPU s": _cpu()})
    files = [Path(line.rstrip("\n")) for line in sys.stdin]
    fits = _fitting(encoder) if engine == "whole" else _as_it_is
    numbers = _work(read, lambda text: [part for piece in _chunks(text) for part in fits(piece)], encoder, files)
    _say(numbers)


def _work(
    read: Callable[[Path], list[str]], cut: Callable[[str], list[str]], encoder: Any, files: list[Path]
) -> dict[str, float]:
    started, cpu = time.monotonic(), _cpu()
    pages, parse_seconds, bad, texts = 0, 0.0, 0, 0
    kept: list[list[str]] = []
    for file in files:
        begun = time.monotonic()
        try:
            found = read(file)
        except Exception as error:  # noqa: BLE001 - whatever a library raises for a bad file
            bad += 1
            print(f"{file.name}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        finally:
            parse_seconds += time.monotonic() - begun
        pages += len(found)
        chunks = cut(" ".join(found))
        if chunks:
            encoder.encode(chunks, batch_size=BATCH)
        texts += len(chunks)
        kept.append(chunks)
    took = {"all s": time.monotonic() - started, "CPU s": _cpu() - cpu, "parse s": parse_seconds}
    # Counted after the clock has stopped: nobody who writes this loop counts tokens.
    tokens, lost = _tokens(encoder, kept)
    return {**took, "pages": pages, "chunks": texts, "tokens": tokens, "lost": lost, "bad": bad}


def _chunks(text: str) -> Iterator[str]:
    words = text.split()
    for start in range(0, len(words), WORDS):
        yield " ".join(words[start : start + WORDS])


def _as_it_is(chunk: str) -> list[str]:
    return [chunk]


def _fitting(encoder: Any) -> Callable[[str], list[str]]:
    def halved(chunk: str) -> list[str]:
        ids = encoder.tokenizer(chunk, truncation=False, verbose=False)["input_ids"]
        if len(ids) <= encoder.max_seq_length or len(chunk) < 2:
            return [chunk]
        words = chunk.split()
        middle = len(words) // 2
        # Some scripts have no spaces: then in the middle of the characters.
        parts = (" ".join(words[:middle]), " ".join(words[middle:])) if middle else _halves(chunk)
        return [piece for part in parts for piece in halved(part)]

    return halved


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def _tokens(encoder: Any, documents: list[list[str]]) -> tuple[int, int]:
    """Tokens that the model has seen, and those it has not: of a longer chunk, only what fits is embedded."""
    seen = lost = 0
    for chunks in filter(None, documents):
        for ids in encoder.tokenizer(chunks, truncation=False, verbose=False)["input_ids"]:
            seen += min(len(ids), encoder.max_seq_length)
            lost += max(0, len(ids) - encoder.max_seq_length)
    return seen, lost


def _pypdf() -> Callable[[Path], list[str]]:
    from pypdf import PdfReader

    return lambda file: [page.extract_text() for page in PdfReader(file).pages]


def _pdfium() -> Callable[[Path], list[str]]:
    from pypdfium2 import PdfDocument

    def read(file: Path) -> list[str]:
        with PdfDocument(file) as document:
            return [page.get_textpage().get_text_range() for page in document]

    return read


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _say(numbers: dict[str, float]) -> None:
    print(json.dumps(numbers), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
