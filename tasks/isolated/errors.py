"""What an error of the pure functions means to the service."""

from docrelay.names import ErrorClass
from pipelines.errors import DocumentError, TransientError


def classify(error: Exception) -> tuple[str, str, str]:
    """The class, code and sentence for an error."""
    if isinstance(error, TransientError):
        return ErrorClass.TRANSIENT, error.code, error.message
    if isinstance(error, DocumentError):
        return ErrorClass.PERMANENT, error.code, error.message
    if isinstance(error, MemoryError):
        return ErrorClass.POISON, "limit_memory", "The document needs more memory than its process may have."
    return ErrorClass.PERMANENT, "unexpected", f"Unexpected {type(error).__name__}: {error}"
