"""Runs a model: token ids in, one vector per text out.

``BertEncoder`` is the BERT of most small embedding models, written out: the vectors are those of sentence-transformers,
without the three seconds and 300 MB that importing it costs every process. ``SentenceEncoder`` runs any other model
through sentence-transformers itself.
"""

from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody uses
from safetensors.torch import load_file
from torch import Tensor

from pipelines.model_files import read_json

BATCH_TOKENS = 1_024
"""Tokens in a batch for one core, padding included. Half or twice as many are no faster."""


class Encoder(Protocol):
    """A model in memory. ``batch_tokens`` is how many tokens, padding included, it is best given at once."""

    pad_id: int
    batch_tokens: int

    @property
    def dimension(self) -> int: ...

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Vectors, not yet normalised, for padded ids (texts x tokens) and a mask that is true for real ones.

        Several threads may call it at once.
        """
        ...


class TorchEncoder(Encoder, Protocol):
    """One that torch computes."""

    def to(self, device: str, dtype: torch.dtype) -> "TorchEncoder":
        """The same model on a device, computing in a type."""
        ...


def is_plain_bert(folder: Path) -> bool:
    """Whether ``BertEncoder`` computes exactly what the model's files describe."""
    config = read_json(folder / "config.json")
    modules = read_json(folder / "modules.json").get("", [])
    pooling = read_json(folder / "1_Pooling" / "config.json")
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and [module["type"].rpartition(".")[2] for module in modules] in _PLAIN_MODULES
        and [mode for mode, on in pooling.items() if mode.startswith("pooling_mode") and on is not False] in _POOLINGS
        and not read_json(folder / "config_sentence_transformers.json").get("default_prompt_name")
        and (folder / "model.safetensors").is_file()
    )


_PLAIN_MODULES = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
_POOLINGS = (["pooling_mode_mean_tokens"], ["pooling_mode_cls_token"])


class BertEncoder:
    """BERT with mean or first-token pooling."""

    pad_id = 0  # any will do: padding is masked, and positions do not depend on it
    batch_tokens = BATCH_TOKENS

    def __init__(self, weights: dict[str, Tensor], layers: int, heads: int, epsilon: float, *, mean: bool) -> None:
        self._weights = weights
        self._layers = layers
        self._heads = heads
        self._epsilon = epsilon
        self._mean = mean

    @classmethod
    def load(cls, folder: Path) -> "BertEncoder":
        """Read the weights of a model for which ``is_plain_bert`` holds. Raises KeyError when a weight is missing."""
        config = read_json(folder / "config.json")
        pooling = read_json(folder / "1_Pooling" / "config.json")
        layers = int(config["num_hidden_layers"])
        return cls(
            _fused(_read_weights(folder / "model.safetensors"), layers),
            layers,
            int(config["num_attention_heads"]),
            float(config["layer_norm_eps"]),
            mean=bool(pooling.get("pooling_mode_mean_tokens")),
        )

    @property
    def dimension(self) -> int:
        return self._weights["embeddings.word_embeddings.weight"].shape[1]

    def to(self, device: str, dtype: torch.dtype) -> "BertEncoder":
        weights = {name: weight.to(device, dtype) for name, weight in self._weights.items()}
        return BertEncoder(weights, self._layers, self._heads, self._epsilon, mean=self._mean)

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See ``Encoder``."""
        hidden = F.embedding(ids, self._weights["embeddings.word_embeddings.weight"])
        hidden = self._norm("embeddings.", hidden + self._weights["positions"][: ids.shape[1]])
        attended = None if bool(mask.all()) else mask[:, None, None, :]
        for layer in range(self._layers):
            hidden = self._layer(f"encoder.layer.{layer}.", hidden, attended)
        hidden = hidden.float()
        if not self._mean:
            return hidden[:, 0]
        real = mask.unsqueeze(-1).float()
        return (hidden * real).sum(1) / real.sum(1)

    def _layer(self, prefix: str, hidden: Tensor, attended: Tensor | None) -> Tensor:
        texts, tokens, width = hidden.shape
        # One product for query, key and value; then (texts, heads, tokens, width of a head) each.
        fused = self._linear(f"{prefix}attention.self.fused.", hidden).chunk(3, dim=-1)
        query, key, value = (each.view(texts, tokens, self._heads, -1).transpose(1, 2) for each in fused)
        context = F.scaled_dot_product_attention(query, key, value, attn_mask=attended)
        context = context.transpose(1, 2).reshape(texts, tokens, width)
        context = self._linear(f"{prefix}attention.output.dense.", context)
        hidden = self._norm(f"{prefix}attention.output.", hidden + context)
        inner = F.gelu(self._linear(f"{prefix}intermediate.dense.", hidden))
        return self._norm(f"{prefix}output.", hidden + self._linear(f"{prefix}output.dense.", inner))

    def _linear(self, prefix: str, value: Tensor) -> Tensor:
        return F.linear(value, self._weights[f"{prefix}weight"], self._weights[f"{prefix}bias"])

    def _norm(self, prefix: str, value: Tensor) -> Tensor:
        weight, bias = self._weights[f"{prefix}LayerNorm.weight"], self._weights[f"{prefix}LayerNorm.bias"]
        return F.layer_norm(value, weight.shape, weight, bias, self._epsilon)


def _read_weights(file: Path) -> dict[str, Tensor]:
    return {name.removeprefix("bert."): weight.float() for name, weight in load_file(file).items()}


def _fused(weights: dict[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The weights as ``encode`` uses them: one matrix for query, key and value; positions with the token type added."""
    for layer in range(layers):
        prefix = f"encoder.layer.{layer}.attention.self."
        for kind in ("weight", "bias"):
            parts = [weights.pop(f"{prefix}{part}.{kind}") for part in ("query", "key", "value")]
            weights[f"{prefix}fused.{kind}"] = torch.cat(parts)
    positions = weights.pop("embeddings.position_embeddings.weight")
    weights["positions"] = positions + weights.pop("embeddings.token_type_embeddings.weight")[0]
    return weights


class SentenceEncoder:
    """Any model that sentence-transformers can load."""

    batch_tokens = BATCH_TOKENS

    def __init__(self, model: Any) -> None:
        self._model = model.eval()
        self.pad_id: int = model.tokenizer.pad_token_id or 0

    @classmethod
    def load(cls, folder: Path) -> "SentenceEncoder":
        """Load by sentence-transformers; raises what it raises."""
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        logging.disable_progress_bar()  # it would write to the standard error of a service
        return cls(SentenceTransformer(str(folder), device="cpu", local_files_only=True))

    @property
    def dimension(self) -> int:
        return int(self._model.get_embedding_dimension())

    @property
    def max_tokens(self) -> int:
        return int(self._model.max_seq_length)

    def to(self, device: str, dtype: torch.dtype) -> "SentenceEncoder":
        from copy import deepcopy

        return SentenceEncoder(deepcopy(self._model).to(device, dtype))

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See ``Encoder``."""
        features = {"input_ids": ids, "attention_mask": mask.long()}
        vectors: Tensor = self._model(features)["sentence_embedding"]
        return vectors.float()
