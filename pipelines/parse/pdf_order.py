"""The order of reading, where a PDF's own order cannot be it: a text box that comes after what stands below it.

Most producers write a page as it is read, columns included, and what they say is better than any guess. So lines are
put in another order only on pages that go back up over what they have already said, by more than labels of a drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_FURTHER = 2.2  # lines of a block are not further apart than so many times their size
_SENTENCE = 20
_MOST_BLOCKS = 300
_GUTTER = 0.8  # of the size of type: a gap that is no space between words


@dataclass(frozen=True, slots=True)
class Spot:
    """A line's place: ``top`` is above ``bottom``, in points from below, as PDF counts."""

    left: float
    right: float
    bottom: float
    top: float


def goes_back(texts: Sequence[str], left: Sequence[float], bottom: Sequence[float], size: Sequence[float]) -> bool:
    """Whether a line stands above an earlier one that is not in a column to its left."""
    ends: list[tuple[float, float]] = []  # left and bottom of the last lines of blocks
    for line in range(1, len(left)):
        if bottom[line] > bottom[line - 1] + 1.5 * size[line]:
            if len(texts[line - 1]) >= _SENTENCE:
                ends.append((left[line - 1], bottom[line - 1]))
            long = len(texts[line]) >= _SENTENCE
            if long and any(edge >= left[line] - size[line] and end < bottom[line] for edge, end in ends):
                return True
    return False


def in_reading_order(spots: Sequence[Spot]) -> list[int]:
    """The numbers of the lines in the order in which they are read: column by column, else from the top down."""
    blocks = _blocks(spots)
    if len(blocks) > _MOST_BLOCKS:
        return list(range(len(spots)))
    around = [_around([spots[line] for line in block]) for block in blocks]
    return [line for block in _ordered(list(range(len(blocks))), around) for line in blocks[block]]


def _blocks(spots: Sequence[Spot]) -> list[list[int]]:
    """Lines that follow each other both in the file and on the page."""
    blocks: list[list[int]] = []
    for line, spot in enumerate(spots):
        if blocks and _follows(spots[blocks[-1][-1]], spot):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return blocks


def _follows(above: Spot, below: Spot) -> bool:
    size = max(above.top - above.bottom, below.top - below.bottom)
    step = above.bottom - below.bottom
    return -0.3 * size < step < _FURTHER * size and below.left < above.right and above.left < below.right


def _around(spots: Sequence[Spot]) -> Spot:
    return Spot(
        min(spot.left for spot in spots),
        max(spot.right for spot in spots),
        min(spot.bottom for spot in spots),
        max(spot.top for spot in spots),
    )


def _ordered(blocks: list[int], around: Sequence[Spot]) -> list[int]:
    """Cut into columns where a gutter runs through, else into parts below each other, and so on."""
    if len(blocks) < 2:
        return blocks
    for parts in (_columns(blocks, around), _storeys(blocks, around)):
        if len(parts) > 1:
            return [block for part in parts for block in _ordered(part, around)]
    return blocks


def _columns(blocks: list[int], around: Sequence[Spot]) -> list[list[int]]:
    gap = _GUTTER * min(around[block].top - around[block].bottom for block in blocks)
    return _parts(sorted(blocks, key=lambda block: around[block].left), [(one.left, one.right) for one in around], gap)


def _storeys(blocks: list[int], around: Sequence[Spot]) -> list[list[int]]:
    """Parts below each other, each as tall as one gutter runs through."""
    extents = [(-one.top, -one.bottom) for one in around]
    rows = _parts(sorted(blocks, key=lambda block: extents[block][0]), extents, 0.0)
    storeys = rows[:1]
    for row in rows[1:]:
        together = sorted(storeys[-1] + row)
        if len(_columns(together, around)) > 1:
            storeys[-1] = together
        else:
            storeys.append(row)
    return storeys


def _parts(ordered: list[int], extents: Sequence[tuple[float, float]], gap: float) -> list[list[int]]:
    """Groups between which no extent reaches, in order; within a group, blocks keep the order of the file."""
    parts: list[list[int]] = []
    reached = float("-inf")
    for block in ordered:
        start, end = extents[block]
        if not parts or start > reached + gap:
            parts.append([])
        parts[-1].append(block)
        reached = max(reached, end)
    return [sorted(part) for part in parts]
