"""Where the shapes of a slide are: by themselves, or as the slide's layout or its master has it."""

from pipelines.parse.ooxml import of_kind, relations
from pipelines.parse.package import Element, Package, attribute, child, local
from pipelines.parse.slide_order import Box


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
