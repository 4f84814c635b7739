"""How each arithmetic is asked of SentenceTransformer, which all of these frameworks use.

sbert.net, "Speeding up Inference": `backend="openvino"`, `model_kwargs` with a dtype, `ov_config` or `file_name`.
"""

from typing import Any

from benchmarks.frameworks.task import INTEGERS

BATCH = 32
"""sentence-transformers' own, and as fast as any on CPU."""


def backend(arithmetic: str) -> str:
    """The name of the backend."""
    return "openvino" if arithmetic.startswith("openvino") else "torch"


def model_options(arithmetic: str) -> dict[str, Any]:
    """What the model is loaded with."""
    if arithmetic == INTEGERS:
        return {"file_name": "openvino_model_qint8_quantized.xml", "ov_config": {"INFERENCE_PRECISION_HINT": "bf16"}}
    if arithmetic.startswith("openvino"):
        return {"ov_config": {"INFERENCE_PRECISION_HINT": "bf16" if arithmetic.endswith("bfloat16") else "f32"}}
    return {"torch_dtype": "bfloat16"} if arithmetic == "bfloat16" else {}
