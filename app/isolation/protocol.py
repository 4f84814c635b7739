"""Messages between a worker and its document process: a length, then msgpack. No pickle.

A document process reads hostile files, so nothing it says may run code in the worker.
"""

import struct
from typing import Any, Final

import msgspec

HEADER: Final = struct.Struct(">Q")
LONGEST: Final = 4 * 1024**3
"""Bytes of one message; a broken process that claims more is not believed."""


NOT_READY: Final = "not_ready"
"""Code of the refusal of a process that could not start its functions: nothing was tried with the document."""


class Call(msgspec.Struct, frozen=True):
    """To the process: run this function with these arguments."""

    name: str
    arguments: dict[str, Any]


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """From the process: so many of so many are done."""

    done: int
    total: int


class Result(msgspec.Struct, frozen=True, tag="result"):
    """From the process: the function's value."""

    value: msgspec.Raw


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """From the process: the function raised; the class says whether it may pass."""

    error_class: str
    code: str
    message: str
    traceback: str


Answer = Progress | Result | Refusal

ENCODER: Final = msgspec.msgpack.Encoder()
CALLS: Final = msgspec.msgpack.Decoder(Call)
ANSWERS: Final = msgspec.msgpack.Decoder(Answer)


def frame(message: msgspec.Struct) -> bytes:
    """The bytes of a message, with its length before it."""
    body = ENCODER.encode(message)
    return HEADER.pack(len(body)) + body
