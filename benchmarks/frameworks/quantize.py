"""The model in 8-bit integers as sentence-transformers documents it, for the frameworks. Runs in an environment.

sbert.net, "Speeding up Inference", "Quantizing OpenVINO Models": `export_static_quantized_openvino_model` with a
data set for calibration. It gets the same texts as the service's own integers do.
"""

import shutil
import sys
from pathlib import Path

from sentence_transformers import SentenceTransformer, export_static_quantized_openvino_model


def main(model: str, into: str, texts: str) -> None:
    """Copy a model's folder, and add its weights and ranges in integers; `texts` is a folder with train.jsonl."""
    from optimum.intel import OVQuantizationConfig

    count = len((Path(texts) / "train.jsonl").read_text("utf-8").splitlines())
    shutil.copytree(model, into)
    export_static_quantized_openvino_model(
        SentenceTransformer(into, backend="openvino", device="cpu"),
        OVQuantizationConfig(num_samples=count),
        into,
        dataset_name=texts,
        dataset_config_name="default",
        dataset_split="train",
        column_name="text",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
