"""The model in 8-bit integers as sentence-transformers documents it, for the frameworks. Runs in an environment.

sbert.net, "Speeding up Inference", "Quantizing OpenVINO Models": `export_static_quantized_openvino_model` with a
data set for calibration. It gets the same texts as the service's own integers do.
"""

import json
import shutil
import sys
from pathlib import Path

from sentence_transformers import SentenceTransformer, export_static_quantized_openvino_model


def main(model: str, into: str, texts: str) -> None:
    """Copy a model's folder, and add its weights and ranges in integers; `texts` is a folder with lines of JSON."""
    from optimum.intel import OVQuantizationConfig

    count = sum(bool(json.loads(line)) for file in Path(texts).glob("*.jsonl") for line in file.open(encoding="utf-8"))
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
