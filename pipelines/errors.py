"""What can go wrong with a document, and whether waiting helps.

::

    DocumentError
    ├── PermanentError    never passes by itself: encrypted, corrupt, unsupported, too_large, refused, gone, bad_url …
    │   └── LimitError    too_large, with the limit, its value and what the document has
    └── TransientError    may pass by itself: unreachable, timeout, refused, …

Every function of ``pipelines`` that reads a document or talks to a receiver raises one of the two, with the foreign
exception as its cause, so that a caller decides about retries by class and shows ``message`` as it is.
"""


class DocumentError(Exception):
    """A document could not be worked; ``code`` is for programs, ``message`` one sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class PermanentError(DocumentError):
    """Trying again gives the same answer; the document or the target has to change first."""


class LimitError(PermanentError):
    """There is more of the document than is taken; ``exceeded`` says of what: limit, value, used, unit."""

    def __init__(self, message: str, *, limit: str, value: int, used: int, unit: str) -> None:
        super().__init__("too_large", message)
        self.exceeded = {"limit": limit, "value": value, "used": used, "unit": unit}


class TransientError(DocumentError):
    """Trying again later may succeed, with nothing changed."""
