"""The sentences for a PDF that is locked."""

from pipelines.errors import PermanentError

_HOW = "retry with the right one (`docrelay retry JOB --password-file FILE`, `client.retry(job, password=…)`)"


def refused(password: str | None) -> PermanentError:
    """The error for a PDF that neither the password given nor the empty one opens."""
    if password:
        return PermanentError("encrypted", f"The PDF is encrypted, and the password given does not open it; {_HOW}.")
    return PermanentError("encrypted", f"The PDF is encrypted and needs a password; {_HOW}, or submit it unencrypted.")


def unknown_scheme(reader: str) -> PermanentError:
    """The error for a PDF that is encrypted in a way that the reader does not know."""
    return PermanentError(
        "encrypted", f"The PDF is encrypted by a scheme that {reader} does not know; submit it unencrypted."
    )


def encrypted_but_opened(*, with_password: bool) -> str:
    """The note for a PDF that is encrypted and could be opened."""
    how = "was opened with the password given" if with_password else "opens without a password"
    return f"The PDF is encrypted; it {how}."
