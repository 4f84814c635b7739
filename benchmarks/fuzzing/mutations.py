"""Ways to break a file, told from nothing but its bytes and a source of chance."""

import re
import zlib
from collections.abc import Callable, Sequence
from random import Random

Mutation = Callable[[bytearray, Random], bytearray]

_NUMBER = re.compile(rb"(?<![\w.])-?\d{1,10}(?![\w.])")
_NAME = re.compile(rb"/[A-Za-z][A-Za-z0-9]{1,20}")
_REFERENCE = re.compile(rb"\b\d{1,6} \d{1,2} R\b")
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_XREF_ENTRY = re.compile(rb"\d{10} \d{5} [nf]")
_TAG = re.compile(rb"</?[\w:]{1,40}[^<>]{0,200}>")
_WORST_NUMBERS = (
    b"0",
    b"1",
    b"-1",
    b"2",
    b"255",
    b"65536",
    b"2147483647",
    b"-2147483648",
    b"4294967296",
    b"9" * 30,
    b"1e9",
)
_WORST_BYTES = (
    b"\0",
    b"\xff",
    b"\x80",
    b"<<",
    b">>",
    b"[",
    b"]",
    b"(",
    b"\\",
    b"<",
    b"&",
    b'"',
    b"\n",
    b"%",
    b"\xed\xa0\x80",
)
_MOST_UNPACKED = 4_000_000
_DEEP = 2_000


def flip(data: bytearray, dice: Random) -> bytearray:
    """Some bytes, anything."""
    for _ in range(dice.choice((1, 1, 4, 32))):
        data[dice.randrange(len(data))] = dice.randrange(256)
    return data


def cut(data: bytearray, dice: Random) -> bytearray:
    """The end is missing, as after a broken transfer."""
    return data[: dice.randrange(1, len(data) + 1)]


def drop(data: bytearray, dice: Random) -> bytearray:
    """A piece in the middle is missing."""
    start = dice.randrange(len(data))
    del data[start : start + dice.choice((1, 16, 512, 8192))]
    return data


def repeat(data: bytearray, dice: Random) -> bytearray:
    """A piece stands there again, up to hundreds of times."""
    start = dice.randrange(len(data))
    piece = bytes(data[start : start + dice.choice((1, 16, 256))])
    data[start:start] = piece * dice.choice((1, 8, 500))
    return data


def insert(data: bytearray, dice: Random) -> bytearray:
    """Signs that mean something to a parser, where they do not belong; sometimes as if deeply nested."""
    start = dice.randrange(len(data))
    data[start:start] = dice.choice(_WORST_BYTES) * dice.choice((1, 1, 3, _DEEP))
    return data


def number(data: bytearray, dice: Random) -> bytearray:
    """A number becomes the largest, the least or a negative one."""
    return _replace(data, dice, _NUMBER, lambda _: dice.choice(_WORST_NUMBERS))


def name(data: bytearray, dice: Random) -> bytearray:
    """A name of PDF becomes another one of the file."""
    return _replace(data, dice, _NAME, lambda names: dice.choice(names))


def reference(data: bytearray, dice: Random) -> bytearray:
    """A reference leads to another object, and so into circles."""
    return _replace(data, dice, _REFERENCE, lambda references: dice.choice(references))


def cross_reference(data: bytearray, dice: Random) -> bytearray:
    """An entry of the table of objects leads elsewhere; without a table, the place where it should be does."""
    if _XREF_ENTRY.search(data):
        return _replace(data, dice, _XREF_ENTRY, lambda _: b"%010d %05d n" % (dice.randrange(len(data)), 0))
    return _replace(data, dice, re.compile(rb"startxref\s+\d+"), lambda _: b"startxref\n%d" % dice.randrange(len(data)))


def stream(data: bytearray, dice: Random) -> bytearray:
    """What a compressed stream holds is broken and compressed again; one that is not compressed, as it is."""
    streams = list(_STREAM.finditer(data))
    if not streams:
        return flip(data, dice)
    match = dice.choice(streams)
    content = bytearray(_unpacked(match[1]) or b" ")
    content = dice.choice((flip, number, repeat, insert, drop))(content, dice)
    data[match.start(1) : match.end(1)] = zlib.compress(bytes(content))
    return data


def tag(data: bytearray, dice: Random) -> bytearray:
    """A tag becomes another one of the file, or stands there very often."""
    return _replace(data, dice, _TAG, lambda tags: dice.choice(tags) * dice.choice((1, 1, 2, _DEEP)))


ANYTHING: Sequence[Mutation] = (flip, cut, drop, repeat, insert, number)
OF_PDF: Sequence[Mutation] = (*ANYTHING, name, reference, reference, cross_reference, stream, stream, stream)
OF_MARKUP: Sequence[Mutation] = (*ANYTHING, tag, tag, tag)


def spliced(data: bytes, other: bytes, dice: Random) -> bytearray:
    """The beginning of one file and the end of another."""
    return bytearray(data[: dice.randrange(1, len(data) + 1)] + other[dice.randrange(len(other)) :])


def mutated(data: bytes, mutations: Sequence[Mutation], dice: Random) -> bytes:
    """The file after one to four of these."""
    broken = bytearray(data)
    for mutation in dice.choices(mutations, k=dice.choice((1, 1, 2, 4))):
        broken = mutation(broken or bytearray(b" "), dice)
    return bytes(broken)


def _replace(
    data: bytearray, dice: Random, pattern: "re.Pattern[bytes]", other: Callable[[list[bytes]], bytes]
) -> bytearray:
    found = list(pattern.finditer(data))
    if not found:
        return flip(data, dice)
    match = dice.choice(found)
    data[match.start() : match.end()] = other([each[0] for each in found])
    return data


def _unpacked(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, _MOST_UNPACKED)
    except zlib.error:
        return packed
