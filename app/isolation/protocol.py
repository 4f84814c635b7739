"""Messages between a worker and its document process: a length, then msgpack. No pickle.

A document process reads hostile files, so nothing it says may run code in the worker.
"""

import struct
from typing import Any, Final

import msgspec

HEADER: Final = struct.Struct(">Q")

NOT_READY: Final = "not_ready"
"""Code of the refusal of a process that could not start its functions: nothing was tried with the document."""


class Call(msgspec.Struct, frozen=True):
    """To the process: run this function with these arguments."""

    name: str
    arguments: dict[str, Any]


class Started(msgspec.Struct, frozen=True, tag="started"):
    """From the process, once: its functions are there, and these processes of its own belong to them."""

    helpers: list[int]


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """From the process: so many of so many are done."""

    done: int
    total: int


class Result(msgspec.Struct, frozen=True, tag="result"):
    """From the process: the function's value."""

    value: msgspec.Raw


class Value(msgspec.Struct, frozen=True, tag="result"):
    """What the process writes for a `Result`: encoded in one go, since a value may be as large as its limit."""

    value: Any


class Refusal(msgspec.Struct, frozen=True, tag="refusal"):
    """From the process: the function raised; the class says whether it may pass.

    `peak` is the bytes that the process held at most, `exceeded` the limit that was hit, if that is why: `limit`,
    `value`, `used` and `unit`.
    """

    error_class: str
    code: str
    message: str
    traceback: str
    peak: int = 0
    exceeded: dict[str, Any] | None = None


Answer = Started | Progress | Result | Refusal

ENCODER: Final = msgspec.msgpack.Encoder()
CALLS: Final = msgspec.msgpack.Decoder(Call)
ANSWERS: Final = msgspec.msgpack.Decoder(Answer)


def frame(message: msgspec.Struct) -> bytearray:
    """The bytes of a message, with its length before it."""
    buffer = bytearray(HEADER.size)
    ENCODER.encode_into(message, buffer, HEADER.size)
    HEADER.pack_into(buffer, 0, len(buffer) - HEADER.size)
    return buffer
