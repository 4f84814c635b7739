"""How much of a document is taken, and the one sentence that says it was too much."""

from dataclasses import dataclass

from pipelines.errors import PermanentError


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """The largest document that is taken; beyond either number parsing stops with ``too_large``."""

    max_pages: int = 20_000
    max_text_chars: int = 200_000_000

    def check_pages(self, found: int) -> None:
        """Raise ``PermanentError("too_large")`` when there are more pages than the limit."""
        if found > self.max_pages:
            raise PermanentError(
                "too_large",
                f"The document has {found:,} pages, more than the limit max_pages of {self.max_pages:,}; "
                "split it and submit the parts.",
            )

    def check_text(self, found: int) -> None:
        """Raise ``PermanentError("too_large")`` when there is more text than the limit."""
        if found > self.max_text_chars:
            raise PermanentError(
                "too_large",
                f"The document holds at least {found:,} characters of text, more than the limit max_text_chars of "
                f"{self.max_text_chars:,}; split it and submit the parts.",
            )


def out_of_memory(where: str) -> PermanentError:
    """The error for a document whose reading ran out of memory."""
    return PermanentError(
        "too_large", f"Memory ran out while {where} was read; split the document and submit the parts."
    )
