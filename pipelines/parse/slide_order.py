"""The shapes of a slide in the order in which people read them; files list them as they were made."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.parse.package import Element

# Beyond it a slide is a drawing, and has no order to find.
_MOST_SHAPES = 300
# Boxes are larger than what they hold, and overlap a little where their texts do not.
_SLACK = 0.1


@dataclass(frozen=True, slots=True)
class Box:
    """Where a shape is, in the units of its slide or group."""

    left: float
    top: float
    right: float
    bottom: float


def in_order(shapes: list[Element], place: Callable[[Element], Box | None]) -> list[Element]:
    """Rows from above, what stands side by side from the left; what has no place comes first, as it is listed."""
    boxes = [(shape, place(shape)) for shape in shapes]
    placed = [(shape, box) for shape, box in boxes if box is not None]
    if len(placed) > _MOST_SHAPES:
        return shapes
    return [shape for shape, box in boxes if box is None] + [shape for shape, _ in _cut(placed)]


def _cut(placed: list[tuple[Element, Box]]) -> list[tuple[Element, Box]]:
    """Divide by the gaps that go through from side to side, then by those from top to bottom, and so on."""
    if len(placed) < 2:
        return placed
    for span in (_vertical, _horizontal):
        parts = _parts(placed, span)
        if len(parts) > 1:
            return [one for part in parts for one in _cut(part)]
    return sorted(placed, key=lambda one: (one[1].top, one[1].left))


def _parts(
    placed: list[tuple[Element, Box]], span: Callable[[Box], tuple[float, float]]
) -> list[list[tuple[Element, Box]]]:
    parts: list[list[tuple[Element, Box]]] = []
    end = 0.0
    for one in sorted(placed, key=lambda one: span(one[1])[0]):
        start, stop = span(one[1])
        if parts and start < end:
            parts[-1].append(one)
            end = max(end, stop)
        else:
            parts.append([one])
            end = stop
    return parts


def _vertical(box: Box) -> tuple[float, float]:
    slack = _SLACK * (box.bottom - box.top)
    return box.top + slack, box.bottom - slack


def _horizontal(box: Box) -> tuple[float, float]:
    slack = _SLACK * (box.right - box.left)
    return box.left + slack, box.right - slack
