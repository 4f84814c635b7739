"""Cross-encoders that nobody trained: their scores are worth nothing, but always the same."""

from pathlib import Path

import torch
from sentence_transformers import CrossEncoder
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from pipelines.model_files import find_model
from tests.pipelines.conftest import MODEL


def make_cross_encoder(
    folder: Path, *, labels: int = 1, layers: int = 2, width: int = 32, window: int = 128, spread: float = 0.5
) -> Path:
    """Make one in a new folder, with the packaged model's tokenizer; the folder.

    A larger `spread` of its weights gives scores that lie further apart.
    """
    tokenizer = AutoTokenizer.from_pretrained(str(find_model(MODEL)[0]))
    tokenizer.model_max_length = window
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(2, width // 32),
        max_position_embeddings=512,
        initializer_range=spread,
        num_labels=labels,
    )
    torch.manual_seed(4711)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CrossEncoder(str(folder), device="cpu").save_pretrained(str(folder), create_model_card=False)
    return folder
