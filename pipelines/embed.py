"""From texts to vectors. Importing this module is cheap; torch is imported when a model is loaded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.batches import batches
from pipelines.errors import TransientError
from pipelines.model_files import find_model, read_json
from pipelines.tokens import ModelTokenizer

if TYPE_CHECKING:
    import numpy as np

    from pipelines.encoders import Encoder, TorchEncoder

__all__ = ["ARITHMETICS", "Embedder"]

# Each core computes a batch of its own: threads that share one wait for each other, a fifth of the time when there are
# two. Fewer tokens are not worth a core of their own.
_LEAST_TOKENS = 128

# What there is beside "auto"; openvino-int8-bfloat16 computes in bfloat16 what it does not in integers.
ARITHMETICS = (
    "float32",
    "bfloat16",
    "openvino",
    "openvino-bfloat16",
    "openvino-int8",
    "openvino-int8-bfloat16",
    "gpu-float16",
)


def _ignore(done: int, total: int) -> None:
    pass


class Embedder:
    """An embedding model in memory.

    ``name`` and ``revision`` identify the vectors, together with ``arithmetic`` (such as "bfloat16") to the last bit.
    Not to be used by several threads at once: it uses `threads` of its own, each with a batch.
    """

    def __init__(
        self,
        name: str,
        revision: str,
        tokenizer: ModelTokenizer,
        encoder: Encoder,
        *,
        max_tokens: int,
        arithmetic: str,
        threads: int = 1,
    ) -> None:
        import torch

        self.name = name
        self.revision = revision
        self.tokenizer = tokenizer
        self.dimension = encoder.dimension
        self.max_tokens = max_tokens
        self.arithmetic = arithmetic
        self._encoder = encoder
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "embed", torch.set_num_threads, (1,))

    @classmethod
    def load(cls, model: str, *, arithmetic: str = "auto", threads: int | None = None) -> Embedder:
        """Load a model by folder, package name or hub id (see ``find_model``).

        ``arithmetic``: one of ``ARITHMETICS``, or "auto": the one that needs the least processor time here, of those
        whose vectors agree with float32's; bfloat16 and integers only where the processor computes in them, OpenVINO
        only where it is installed. ``threads`` is the number of cores to compute on; torch's own number if None.
        Raises ModelNotFoundError, ValueError for an arithmetic that does not exist, ImportError without OpenVINO.
        """
        if arithmetic not in ("auto", *ARITHMETICS):
            raise ValueError(f"arithmetic must be one of auto, {', '.join(ARITHMETICS)}, not {arithmetic!r}")
        folder, revision = find_model(model)
        import torch

        threads = threads or torch.get_num_threads()
        torch.set_num_threads(threads)  # those that load and convert it
        loaded, max_tokens = _load_encoder(folder)
        tokenizer = ModelTokenizer.load(folder / "tokenizer.json")
        from pipelines.arithmetic import choose

        encoder, arithmetic = choose(loaded, tokenizer, arithmetic, threads)
        return cls(model, revision, tokenizer, encoder, max_tokens=max_tokens, arithmetic=arithmetic, threads=threads)

    def embed(self, texts: list[str], report: Callable[[int, int], None] = _ignore) -> bytes:
        """The normalised vectors of the texts, in their order: little-endian float32, texts x dimension.

        What exceeds ``max_tokens`` of a text is not seen. ``report(done, total)`` counts texts, batch by batch.
        Raises TransientError ``out_of_memory`` when even a single text does not fit.
        """
        import numpy as np

        ids = self.tokenizer.ids(texts, self.max_tokens)
        vectors = np.empty((len(texts), self.dimension), dtype="<f4")
        done = 0
        parts = list(batches(list(map(len, ids)), self._batch_tokens(ids)))
        found = self._pool.map(lambda part: self._encode([ids[index] for index in part]), parts)
        for part, vectors_found in zip(parts, found, strict=True):
            vectors[part] = vectors_found
            done += len(part)
            report(done, len(texts))
        return vectors.tobytes()

    def _batch_tokens(self, ids: list[list[int]]) -> int:
        """Few texts are shared out, too."""
        return max(_LEAST_TOKENS, min(self._encoder.batch_tokens, sum(map(len, ids)) // self._threads))

    def _encode(self, ids: list[list[int]]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """The vectors of one batch, in halves when there is no memory for the whole."""
        import numpy as np

        from pipelines.arithmetic import encode_normalised

        try:
            return encode_normalised(self._encoder, ids)
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            if len(ids) == 1:
                raise TransientError(
                    "out_of_memory", f"There is no memory to embed a text of {len(ids[0])} tokens."
                ) from error
        middle = len(ids) // 2
        return np.concatenate([self._encode(ids[:middle]), self._encode(ids[middle:])])


def _load_encoder(folder: Path) -> tuple[TorchEncoder, int]:
    from pipelines.encoders import BertEncoder, SentenceEncoder, is_plain_bert

    if not is_plain_bert(folder):
        sentence = SentenceEncoder.load(folder)
        return sentence, sentence.max_tokens
    limit = read_json(folder / "sentence_bert_config.json").get("max_seq_length")
    positions = int(read_json(folder / "config.json")["max_position_embeddings"])
    return BertEncoder.load(folder), min(int(limit or positions), positions)


def _is_out_of_memory(error: Exception) -> bool:
    text = str(error)
    # oneDNN, by which torch multiplies, says no more than that it "could not create a primitive".
    short = ("memory" in text and ("allocate" in text or "out of" in text)) or text.endswith(" a primitive")
    return isinstance(error, MemoryError) or short
