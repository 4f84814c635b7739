"""Runs a model by OpenVINO, which needs half of torch's processor time for it. An optional package.

The model is converted in memory from the ``BertEncoder`` that was loaded, so that it needs no files of its own.
"""

import importlib.util
import warnings
from queue import LifoQueue
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipelines.encoders import BATCH_TOKENS, BertEncoder
from pipelines.int8 import GROUP, to_int8

# OpenVINO prepares its kernels for each length of texts that it meets: let it meet few.
_LENGTHS = 16


def has_openvino() -> bool:
    """Whether the package is installed."""
    return importlib.util.find_spec("openvino") is not None


class OpenVinoEncoder:
    """A ``BertEncoder`` compiled for this processor."""

    pad_id = BertEncoder.pad_id
    batch_tokens = BATCH_TOKENS

    def __init__(self, model: Any, dimension: int, threads: int, *, short: bool) -> None:
        import openvino
        from openvino import properties

        self.dimension = dimension
        wanted = {
            properties.hint.inference_precision: openvino.Type.bf16 if short else openvino.Type.f32,
            properties.hint.dynamic_quantization_group_size: GROUP,
            properties.hint.enable_cpu_pinning: False,  # others compute on these cores, too
            # Each of so many requests by one thread: see `pipelines.embed`.
            properties.num_streams: threads,
            properties.inference_num_threads: threads,
        }
        compiled = openvino.Core().compile_model(model, "CPU", wanted)
        self._requests: LifoQueue[Any] = LifoQueue()
        for _ in range(threads):
            self._requests.put(compiled.create_infer_request())

    @classmethod
    def convert(
        cls, encoder: BertEncoder, threads: int, *, short: bool, samples: list[list[int]] | None = None
    ) -> "OpenVinoEncoder":
        """The same model for so many threads at once, in bfloat16 if `short`, else in float32.

        With samples (ids of texts), products are computed in 8-bit integers, whose ranges these texts tell.
        Raises ImportError when the package is missing.
        """
        from openvino.frontend import FrontEndManager
        from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

        # One text shorter than the other: what depends on the mask must be in what is traced.
        ids, mask = torch.ones((2, 8), dtype=torch.long), torch.ones((2, 8), dtype=torch.bool)
        mask[1, 5:] = False
        # Not by `convert_model`, which reports to the makers that it was used.
        frontend = FrontEndManager().load_by_framework("pytorch")
        with warnings.catch_warnings():
            # That tracing is deprecated, which OpenVINO does by itself; that it follows one way only, see above.
            warnings.simplefilter("ignore")
            decoder = TorchScriptPythonDecoder(_Traced(encoder), example_input=(ids, mask))
        model = frontend.convert(frontend.load(decoder))
        if samples is not None:
            model = to_int8(model, [(np.array([each]), np.ones((1, len(each)), dtype=np.bool_)) for each in samples])
        return cls(model, encoder.dimension, threads, short=short)

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """See ``Encoder``."""
        padding = -ids.shape[1] % _LENGTHS
        if padding and ids.shape[1] > _LENGTHS:
            ids = torch.nn.functional.pad(ids, (0, padding), value=self.pad_id)
            mask = torch.nn.functional.pad(mask, (0, padding), value=False)
        request = self._requests.get()
        try:
            return torch.from_numpy(request.infer((ids.numpy(), mask.numpy()))[0])  # a copy
        finally:
            self._requests.put(request)


class _Traced(torch.nn.Module):
    def __init__(self, encoder: BertEncoder) -> None:
        super().__init__()
        self._encoder = encoder

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        return self._encoder.encode(ids, mask)
