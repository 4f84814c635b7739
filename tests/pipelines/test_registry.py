"""The pipelines that exist, and the shape of errors."""

import msgspec
import pytest

from pipelines import PIPELINES, StageSpec
from pipelines.errors import DocumentError, PermanentError, TransientError


def test_pipelines() -> None:
    assert {name: [stage.name for stage in stages] for name, stages in PIPELINES.items()} == {
        "index": ["parse", "ocr", "vectorize", "notify"],
        "extract": ["parse", "ocr", "notify"],
        "reembed": ["vectorize", "notify"],
    }


@pytest.mark.parametrize("stages", PIPELINES.values(), ids=PIPELINES)
def test_limits_make_sense(stages: tuple[StageSpec, ...]) -> None:
    assert all(0 < stage.silence < stage.seconds and stage.memory_mb >= 512 for stage in stages)
    assert [stage.after_outcome for stage in stages] == [False] * (len(stages) - 1) + [True]
    assert msgspec.json.decode(msgspec.json.encode(stages), type=tuple[StageSpec, ...]) == stages


@pytest.mark.parametrize("kind", [PermanentError, TransientError])
def test_errors_carry_a_code_and_a_sentence(kind: type[DocumentError]) -> None:
    error = kind("code", "A sentence.")
    assert (error.code, error.message, str(error)) == ("code", "A sentence.", "code: A sentence.")
    assert isinstance(error, DocumentError)
