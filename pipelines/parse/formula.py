"""Formulas of Office files in one line, as they would be typed: ``(a+b)/2``, ``x^2``, ``√(y)``."""

from pipelines.parse.package import Element, child, local

_JOINED = {"sSup": ("e", "^", "sup"), "sSub": ("e", "_", "sub"), "f": ("num", "/", "den")}
_SIMPLE = 3


def formula(element: Element) -> str:
    """The text of an ``m:oMath`` and what it holds."""
    kind = local(element)
    if kind == "t":
        return element.text or ""
    if kind.endswith("Pr"):
        return ""
    if kind in _JOINED:
        first, sign, second = _JOINED[kind]
        return f"{_grouped(child(element, first))}{sign}{_grouped(child(element, second))}"
    if kind == "sSubSup":
        parts = (_grouped(child(element, name)) for name in ("e", "sub", "sup"))
        return "{}_{}^{}".format(*parts)
    if kind == "rad":
        return f"√({_inner(child(element, 'e'))})"
    if kind == "d":
        return f"({', '.join(_inner(one) for one in element if local(one) == 'e')})"
    if kind == "mr":
        return ", ".join(_inner(one) for one in element) + "; "
    return _inner(element)


def _inner(element: Element | None) -> str:
    return "" if element is None else "".join(formula(one) for one in element)


def _grouped(element: Element | None) -> str:
    text = _inner(element)
    return text if len(text) <= _SIMPLE and not set(text) & set("+-/ ") else f"({text})"
