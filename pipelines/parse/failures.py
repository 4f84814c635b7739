"""The exceptions by which parsers say that a file is broken."""

import struct
import tarfile
import zipfile
import zlib

from pypdf.errors import DeprecationError, PyPdfError

# Measured on malformed files: beside their own classes, parsers let these escape. Anything else is a fault of ours and
# is left alone; MemoryError means something different and is handled by name.
PARSER_FAILURES: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    DeprecationError,  # pypdf, for names of filters that files of the nineties use
    EOFError,
    LookupError,
    OSError,
    PyPdfError,
    RuntimeError,  # with RecursionError, NotImplementedError and pypdfium2's PdfiumError
    TypeError,
    ValueError,  # with UnicodeError and binascii.Error
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def reason(error: BaseException, limit: int = 200) -> str:
    """The error in a few words for a sentence: its first line, bounded, or its class when it says nothing."""
    first = next(iter(str(error).strip().splitlines()), "")
    return (first[:limit] or type(error).__name__).rstrip(". ")
