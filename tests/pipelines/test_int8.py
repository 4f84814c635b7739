"""Products in integers: those of float32 up to a little, with ranges by token where it would be more."""

from typing import Any

import numpy as np
import openvino
import pytest
from openvino import opset13 as make

from pipelines.int8 import GROUP, Feeds, to_int8

WIDTH = 128


def a_model(weights: Any, *, outlier: float = 1) -> openvino.Model:
    """Looks up a row for each id, one of them so many times as large, and multiplies it twice."""
    dice = np.random.default_rng(1)
    table = dice.standard_normal((50, WIDTH)).astype(np.float32)
    table[3] *= outlier
    ids = make.parameter([-1, -1], np.int64, name="ids")
    mask = make.parameter([-1, -1], np.bool_, name="mask")
    looked_up = make.gather(make.constant(table), ids, make.constant(0))
    real = make.unsqueeze(make.convert(mask, "f32"), make.constant([2]))
    first = make.matmul(make.multiply(looked_up, real), make.constant(weights), False, True)
    other = make.constant(dice.standard_normal((WIDTH, WIDTH)).astype(np.float32))
    return openvino.Model([make.matmul(make.relu(first), other, False, False)], [ids, mask], "m")


def feeds(count: int, seed: int) -> Feeds:
    dice = np.random.default_rng(seed)
    return [(dice.integers(0, 50, (1, 12)), np.ones((1, 12), dtype=np.bool_)) for _ in range(count)]


def run(model: openvino.Model, all_feeds: Feeds) -> Any:
    settings = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP}
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    return np.concatenate([np.array(compiled(feed)[0]) for feed in all_feeds])


def rounded(model: openvino.Model) -> int:
    """How many products have ranges that were known beforehand."""
    return sum(node.get_type_name() == "FakeQuantize" for node in model.get_ordered_ops())


@pytest.fixture
def weights() -> Any:
    return np.random.default_rng(2).standard_normal((WIDTH, WIDTH)).astype(np.float32)


def test_products_in_integers_are_close(weights: Any) -> None:
    """On others than the samples, and with one channel fifty times as large as the rest."""
    weights[:, 7] /= 50
    model = a_model(weights)
    exact = run(model, feeds(8, seed=4))
    made = to_int8(model, feeds(8, seed=3))
    found = run(made, feeds(8, seed=4))
    assert rounded(made) == 2
    assert rounded(model) == 0
    assert 0 < np.linalg.norm(found - exact) / np.linalg.norm(exact) < 0.02


def test_ranges_are_found_by_token_where_one_is_far_larger(weights: Any) -> None:
    """It would leave no steps for the others."""
    model = a_model(weights, outlier=1e3)
    made = to_int8(model, feeds(8, seed=3))
    assert rounded(made) == 0
    exact, found = run(model, feeds(8, seed=4)), run(made, feeds(8, seed=4))
    each = np.linalg.norm(found - exact, axis=-1) / np.linalg.norm(exact, axis=-1)
    assert 0 < each.max() < 0.05


def test_the_same_samples_make_the_same_model(weights: Any) -> None:
    model = a_model(weights)
    one, two = (run(to_int8(model, feeds(8, seed=3)), feeds(4, seed=5)) for _ in range(2))
    assert np.array_equal(one, two)
