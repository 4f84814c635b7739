"""Documents inside a document: what is taken, what is only named, and how they are listed."""

from pathlib import PurePosixPath

from pipelines.documents import Member
from pipelines.parse.blocks import Blocks
from pipelines.parse.clean import clean_line
from pipelines.parse.limits import ParseLimits

_LISTED = 5_000


def safe_name(path: str) -> str:
    """The last part of a path as a name that means no other place, whoever wrote it."""
    name = PurePosixPath(clean_line(path, 1_000).replace("\\", "/")).name.lstrip(".~ ")
    name = "".join("_" if char in ':*?"<>|' else char for char in name)
    return name[-200:] or "unnamed"


def is_elsewhere(path: str) -> bool:
    """Whether a path leads out of its container: such members are read under their last name, and noted."""
    path = path.replace("\\", "/")
    return path.startswith("/") or path[1:2] == ":" or ".." in path.split("/")


class Members:
    """Gathers members within the limits on count and depth, and a note for all that stay out."""

    def __init__(self, limits: ParseLimits, depth: int) -> None:
        self._limits = limits
        self._depth = depth
        self.taken: list[Member] = []
        self.listed: list[str] = []
        self.notes: list[str] = []
        self._left_out = 0

    @property
    def wanted(self) -> bool:
        """Whether one more may be taken; where not, it need not be unpacked."""
        return self._depth < self._limits.max_depth and len(self.taken) < self._limits.max_members

    def name(self, path: str) -> None:
        """List a member that is not, or cannot be, taken."""
        if len(self.listed) < _LISTED:
            self.listed.append(clean_line(path, 500))
        if not self.wanted:
            self._left_out += 1

    def take(self, path: str, data: bytes, media_type: str | None = None) -> None:
        """Take one that is wanted, and list it."""
        if not self.wanted:
            self.name(path)
            return
        if is_elsewhere(path):
            self.notes.append(
                f"{clean_line(path, 200)!r} points outside of its container; only its last name was kept."
            )
        self.taken.append(Member(safe_name(path), clean_line(path, 1_000), media_type, data))
        if len(self.listed) < _LISTED:
            self.listed.append(clean_line(path, 500))

    def skip(self, path: str, why: str) -> None:
        """List a member that is left out for a reason of its own."""
        self.listed.append(clean_line(path, 500))
        if len(self.notes) < 50:
            self.notes.append(f"{clean_line(path, 200)!r} was left out: {why}.")

    def all_notes(self) -> list[str]:
        """The notes, with one on what the limits kept out."""
        if not self._left_out:
            return self.notes
        limit = (
            f"max_depth of {self._limits.max_depth}"
            if self._depth >= self._limits.max_depth
            else (f"max_members of {self._limits.max_members:,}")
        )
        return [*self.notes, f"{self._left_out:,} members are listed but were not read: the limit is {limit}."]

    def write_list(self, blocks: Blocks, title: str) -> None:
        """A heading and the members' paths, so that the container is found by them."""
        if self.listed:
            blocks.heading(2, title)
            for path in self.listed:
                blocks.item(path)
