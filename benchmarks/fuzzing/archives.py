"""Ways to break a ZIP, and so an Office file or an e-book, from within: its members, their names, their number."""

from collections.abc import Callable
from io import BytesIO
from random import Random
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from benchmarks.fuzzing.mutations import ANYTHING, OF_MARKUP, mutated

Members = list[tuple[str, bytes]]
_MOST_UNPACKED = 8_000_000
_WORST_NAMES = ("../../etc/passwd", "/etc/passwd", "C:\\x", "a/" * 500 + "b", "\u202efdp.exe", "", "CON")


def mutated_archive(data: bytes, dice: Random) -> bytes:
    """A ZIP with one thing in it broken; without a readable ZIP, the bytes broken as any."""
    if dice.random() < 0.2:  # the container itself
        return mutated(data, ANYTHING, dice)
    try:
        members = _members(data)
    except (BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError, KeyError):
        return mutated(data, ANYTHING, dice)
    if not members:
        return mutated(data, ANYTHING, dice)
    change: Callable[[Members, Random], None] = dice.choice(
        (_content, _content, _content, _content, _rename, _drop, _twice, _swap)
    )
    change(members, dice)
    return _packed(members)


def _members(data: bytes) -> Members:
    with ZipFile(BytesIO(data)) as archive:
        if sum(info.file_size for info in archive.infolist()) > _MOST_UNPACKED:
            raise BadZipFile
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def _packed(members: Members) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name or "empty", content)
    return buffer.getvalue()


def _content(members: Members, dice: Random) -> None:
    at = dice.randrange(len(members))
    name, content = members[at]
    markup = content.lstrip().startswith(b"<")
    members[at] = name, mutated(content or b" ", OF_MARKUP if markup else ANYTHING, dice)


def _rename(members: Members, dice: Random) -> None:
    at = dice.randrange(len(members))
    members[at] = dice.choice(_WORST_NAMES), members[at][1]


def _drop(members: Members, dice: Random) -> None:
    del members[dice.randrange(len(members))]


def _twice(members: Members, dice: Random) -> None:
    at = dice.randrange(len(members))
    members.append((f"{at}-{members[at][0]}", members[at][1]))


def _swap(members: Members, dice: Random) -> None:
    one, other = dice.randrange(len(members)), dice.randrange(len(members))
    members[one], members[other] = (members[one][0], members[other][1]), (members[other][0], members[one][1])
