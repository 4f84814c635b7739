"""How much of a document is taken, and the one sentence that says it was too much."""

from dataclasses import dataclass

from pipelines.errors import LimitError, PermanentError

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """The largest document that is taken; beyond a limit parsing stops with ``too_large``.

    ``max_bytes`` bounds the document as it is given, ``max_unpacked`` the bytes that all parts of one container unpack
    to, ``max_ratio`` what a single part may unpack to, as a multiple of its packed size: text shrinks to a tenth, a
    sheet of equal rows to a hundredth, and what shrinks further was made to. Members beyond ``max_members``, or deeper
    than ``max_depth``, are named, but not taken.
    """

    max_bytes: int = 256 * MIB
    max_pages: int = 20_000
    max_text_chars: int = 200_000_000
    max_unpacked: int = 256 * MIB
    max_ratio: int = 250
    max_members: int = 1_000
    max_depth: int = 3

    def check_bytes(self, found: int) -> None:
        """Raise ``LimitError`` when the document has more bytes than the limit."""
        if found > self.max_bytes:
            raise LimitError(
                f"The document has {found:,} bytes, more than the limit max_bytes of {self.max_bytes:,}; "
                "split it and submit the parts.",
                limit="max_bytes",
                value=self.max_bytes,
                used=found,
                unit="bytes",
            )

    def check_pages(self, found: int) -> None:
        """Raise ``LimitError`` when there are more pages than the limit."""
        if found > self.max_pages:
            raise LimitError(
                f"The document has {found:,} pages, more than the limit max_pages of {self.max_pages:,}; "
                "split it and submit the parts.",
                limit="max_pages",
                value=self.max_pages,
                used=found,
                unit="pages",
            )

    def check_text(self, found: int) -> None:
        """Raise ``LimitError`` when there is more text than the limit."""
        if found > self.max_text_chars:
            raise LimitError(
                f"The document holds at least {found:,} characters of text, more than the limit max_text_chars of "
                f"{self.max_text_chars:,}; split it and submit the parts.",
                limit="max_text_chars",
                value=self.max_text_chars,
                used=found,
                unit="characters",
            )


class Unpacking:
    """Counts what comes out of a container while it comes out, and never believes what the container says of it."""

    # A small part may be all zeros; only what is large as well is a bomb.
    _HARMLESS = 8 * MIB

    def __init__(self, limits: ParseLimits) -> None:
        self._limits = limits
        self._before = 0
        self._part = 0
        self._packed = 0
        self._name = ""

    @property
    def exhausted(self) -> bool:
        """Whether the limit on the whole is reached."""
        return self._before + self._part > self._limits.max_unpacked

    def begin(self, name: str, packed: int) -> None:
        """Another part begins, of so many bytes as it is packed."""
        self._before += self._part
        self._name, self._packed, self._part = name, packed, 0

    def add(self, size: int) -> None:
        """So many more bytes of the part came out. Raises ``LimitError``."""
        self._part += size
        limits = self._limits
        if self._before + self._part > limits.max_unpacked:
            raise LimitError(
                f"The file unpacks to more than the limit max_unpacked of {limits.max_unpacked // MIB} MiB "
                f"(at its part {self._name!r}); split it and submit the parts.",
                limit="max_unpacked",
                value=limits.max_unpacked,
                used=self._before + self._part,
                unit="bytes",
            )
        if self._part > max(self._HARMLESS, self._packed * limits.max_ratio):
            raise LimitError(
                f"The part {self._name!r} unpacks to more than {limits.max_ratio} times its size, as only a "
                "decompression bomb does; it was not read.",
                limit="max_ratio",
                value=limits.max_ratio,
                used=self._part // max(1, self._packed),
                unit="times",
            )


def out_of_memory(where: str) -> PermanentError:
    """The error for a document whose reading ran out of memory."""
    return PermanentError(
        "too_large", f"Memory ran out while {where} was read; split the document and submit the parts."
    )
