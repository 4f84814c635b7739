"""A model's products of matrices in integers of 8 bits, both what is multiplied and the weights, for OpenVINO.

The ranges of what is multiplied are those that sample texts call forth. A few channels are far larger than the others,
and would leave those few steps: a part of their size is moved into the weights, as in SmoothQuant (Xiao et al., 2023,
arXiv:2211.10438, equation 4). Weights have a step for each output. Where that is too coarse, because a few tokens are
far larger than the others, OpenVINO looks for the range of each `GROUP` of a token's numbers while it computes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]
Feeds = list[tuple[NDArray[np.int64], NDArray[np.bool_]]]

# SmoothQuant's alpha, and how much larger than in the samples numbers may be before they are cut off: tried with 0.5 to
# 0.9 and 1 to 1.5 on texts in many languages, long and short.
_MOVED = 0.7
_ROOM = 1.2
_STEPS = 255
_WEIGHT_STEPS = 127
GROUP = 128
"""For `dynamic_quantization_group_size`; of 32 to 1,536 the fastest."""

# Mean over tokens, squared and relative. Ranges that would be further off are left to OpenVINO, which takes longer.
_MOST_ERROR = 0.004
# Smaller ones gain nothing.
_LEAST_WEIGHTS = 10_000
_TINY = 1e-5


def to_int8(model: Any, feeds: Feeds) -> Any:
    """A copy of an OpenVINO model in float32 with its products in integers, by samples of ids and masks, unpadded.

    It is to be compiled with `GROUP`.
    """
    copy = model.clone()
    seen = _inputs(model, feeds)
    for node, weights in list(_products(copy)):
        values = seen[node.get_friendly_name()]
        product = _Quantized(values, weights)
        if product.error(values, weights) <= _MOST_ERROR:
            product.replace(node)
        else:
            _multiply(node, node.input_value(0), *_steps(weights))
    copy.validate_nodes_and_infer_types()
    return copy


def _products(model: Any) -> Iterator[tuple[Any, Numbers]]:
    """Products with constant matrices, and these as outputs x inputs."""
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MatMul":
            continue
        source = node.input_value(1).get_node()
        if source.get_type_name() == "Constant" and len(source.data.shape) == 2 and source.data.size > _LEAST_WEIGHTS:
            weights = source.data.astype(np.float32)
            yield node, weights if node.get_attributes()["transpose_b"] else weights.T


def _inputs(model: Any, feeds: Feeds) -> dict[str, Numbers]:
    """What is multiplied in each product, tokens x inputs, by the product's name."""
    import openvino

    watched = model.clone()
    before = len(watched.outputs)
    products = [node for node, _ in _products(watched)]
    watched.add_outputs([node.input_value(0) for node in products])
    request = openvino.Core().compile_model(watched, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}).create_infer_request()
    seen: dict[str, list[Numbers]] = {node.get_friendly_name(): [] for node in products}
    for feed in feeds:
        request.infer(feed)
        for number, values in enumerate(seen.values(), before):
            found = np.array(request.get_output_tensor(number).data)
            values.append(found.reshape(-1, found.shape[-1]))
    return {name: np.concatenate(values) for name, values in seen.items()}


def _steps(weights: Numbers) -> tuple[NDArray[np.int8], Numbers]:
    """Weights as numbers of steps, and the size of a step for each output."""
    step = np.maximum(np.abs(weights).max(axis=1, keepdims=True), _TINY) / _WEIGHT_STEPS
    return np.round(weights / step).astype(np.int8), step


def _multiply(node: Any, values: Any, weights: NDArray[np.int8], step: Numbers) -> None:
    """Put the product of values and weights in the place of a node."""
    from openvino import opset13 as make

    matrix = make.multiply(make.convert(make.constant(weights), "f32"), make.constant(step))
    product = make.matmul(values, matrix, transpose_a=False, transpose_b=True)
    for target in list(node.output(0).get_target_inputs()):
        target.replace_source_output(product.output(0))


class _Quantized:
    """One product in integers, with ranges that are known beforehand."""

    def __init__(self, values: Numbers, weights: Numbers) -> None:
        largest = np.maximum(np.abs(values).max(axis=0), _TINY)
        self._divided_by = largest**_MOVED / np.maximum(np.abs(weights).max(axis=0), _TINY) ** (1 - _MOVED)
        divided = values / self._divided_by
        low, high = min(0.0, float(divided.min()) * _ROOM), max(_TINY, float(divided.max()) * _ROOM)
        self._step = (high - low) / _STEPS
        self._zero = round(-low / self._step)
        self._weights, self._weight_step = _steps(weights * self._divided_by)

    def error(self, values: Numbers, weights: Numbers) -> float:
        """How far the outputs are from those in float32: squared, relative, mean over the tokens."""
        exact = values @ weights.T
        steps = np.clip(np.round(values / self._divided_by / self._step) + self._zero, 0, _STEPS)
        found = (steps - self._zero) * self._step @ (self._weights * self._weight_step).T
        return float((((found - exact) ** 2).sum(axis=1) / (exact**2).sum(axis=1)).mean())

    def replace(self, node: Any) -> None:
        """Put it in the place of a product in float32."""
        from openvino import opset13 as make

        divided = make.multiply(node.input_value(0), make.constant(1 / self._divided_by[None, None]))
        low, high = (np.float32(steps * self._step) for steps in (-self._zero, _STEPS - self._zero))
        rounded = make.fake_quantize(divided, low, high, low, high, _STEPS + 1)
        _multiply(node, rounded, self._weights, self._weight_step)
