"""The shapes of a slide in the order in which people read them; files list them as they were made."""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.parse.ooxml import of_kind, relations
from pipelines.parse.package import Element, Package, attribute, child, local

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


class Places:
    """Finds where shapes are: by themselves, or as their layout or its master has it."""

    def __init__(self, package: Package, part: str) -> None:
        self._inherited: dict[tuple[str, str], Box] = {}
        self.backgrounds: list[Element] = []
        show = True
        root = package.xml_if_there(part)
        for kind in ("slideLayout", "slideMaster"):
            show = show and root is not None and attribute(root, "showMasterSp") not in ("0", "false")
            part = next(iter(of_kind(relations(package, part), kind)), "")
            root = package.xml_if_there(part)
            tree = child(root, "cSld", "spTree")
            self.backgrounds.extend([tree] if show and tree is not None else [])
            for shape in () if tree is None else tree:
                placeholder, box = holder(shape), _own(shape)
                if placeholder is not None and box is not None:
                    for key in (("idx", placeholder.get("idx") or ""), ("type", placeholder.get("type") or "obj")):
                        self._inherited.setdefault(key, box)

    def of(self, shape: Element) -> Box | None:
        """Where the shape is, or None."""
        placeholder, box = holder(shape), _own(shape)
        if box is not None or placeholder is None:
            return box
        by_index = self._inherited.get(("idx", placeholder.get("idx") or "-"))
        return by_index or self._inherited.get(("type", placeholder.get("type") or "obj"))


def holder(shape: Element) -> Element | None:
    """The ``p:ph`` of a shape that fills a place of its layout."""
    return child(shape, "nvSpPr", "nvPr", "ph")


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


def _own(shape: Element) -> Box | None:
    properties = child(shape, "grpSpPr" if local(shape) == "grpSp" else "spPr")
    frame = child(shape, "xfrm") if local(shape) == "graphicFrame" else child(properties, "xfrm")
    offset, extent = child(frame, "off"), child(frame, "ext")
    try:
        left, top = (float(attribute(offset, name) or "") for name in "xy")
        width, height = (max(0.0, float(attribute(extent, name) or "")) for name in ("cx", "cy"))
    except ValueError:
        return None
    return Box(left, top, left + width, top + height)
