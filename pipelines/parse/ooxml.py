"""What Word, PowerPoint and Excel files have in common: relationships, properties, and things that are left alone."""

from dataclasses import dataclass

from pipelines.errors import PermanentError
from pipelines.parse.clean import clean_line
from pipelines.parse.limits import ParseLimits
from pipelines.parse.members import Members
from pipelines.parse.package import Element, Package, attribute, children, local, resolved
from pipelines.parse.parser import Source

_PROPERTIES = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "description": "description",
    "language": "language",
    "created": "created",
    "modified": "modified",
}


@dataclass(frozen=True, slots=True)
class Relation:
    """From one part to another, or with ``external`` to a URL. ``kind`` is the last word of its type."""

    kind: str
    target: str
    external: bool


def relations(package: Package, part: str) -> dict[str, Relation]:
    """The relationships of a part by their ids; of the package itself for the part ""."""
    folder, _, base = part.rpartition("/")
    root = package.xml_if_there(f"{folder}/_rels/{base}.rels" if folder else f"_rels/{base}.rels")
    found: dict[str, Relation] = {}
    for one in children(root, "Relationship"):
        target = one.get("Target") or ""
        external = one.get("TargetMode") == "External"
        kind = (one.get("Type") or "").rpartition("/")[2]
        found[one.get("Id") or ""] = Relation(kind, target if external else resolved(part, target), external)
    return found


def of_kind(found: dict[str, Relation], kind: str) -> list[str]:
    """The parts that relations of a kind lead to."""
    return [one.target for one in found.values() if one.kind == kind and not one.external]


def main_part(package: Package, usual: str) -> str:
    """The part where the document begins. Raises PermanentError ``corrupt`` when there is none."""
    part = next(iter(of_kind(relations(package, ""), "officeDocument")), usual)
    for name in (part, usual):
        if name in package.names:
            return name
    raise PermanentError("corrupt", f"The file lacks its part {usual!r}, which holds the text; export it anew.")


def properties(package: Package) -> dict[str, str]:
    """Title, author, dates and so on, as the file says them."""
    part = next(iter(of_kind(relations(package, ""), "core-properties")), "docProps/core.xml")
    root = package.xml_if_there(part)
    found: dict[str, str] = {}
    for one in () if root is None else root:
        key = _PROPERTIES.get(local(one))
        value = clean_line("".join(one.itertext()))
        if key and value:
            found[key] = value
    return found


def notes_on_active_content(package: Package) -> list[str]:
    """Sentences about macros and links to other places, none of which are run or followed."""
    notes = []
    if any(name.endswith("vbaProject.bin") for name in package.names):
        notes.append("The document holds macros, which were ignored.")
    outside = 0
    for name in sorted(package.names):
        if name.endswith(".rels"):
            root = package.xml_if_there(name)
            outside += sum(_fetches(one) for one in children(root, "Relationship"))
    if outside:
        notes.append(f"The document refers to {outside} things outside of it, such as pictures; none was fetched.")
    return notes


def _fetches(relation: Element) -> bool:
    return relation.get("TargetMode") == "External" and not (relation.get("Type") or "").endswith("/hyperlink")


def embedded(package: Package, source: Source, limits: ParseLimits) -> Members:
    """Whole documents that were put into this one; not the numbers that its charts are drawn from."""
    members = Members(limits, source.depth)
    charts = {
        one.target
        for name in package.names
        if "/charts/_rels/" in name
        for one in relations(package, name.replace("/_rels/", "/").removesuffix(".rels")).values()
    }
    for name in sorted(package.names):
        if "/embeddings/" not in name or name in charts or name.endswith((".rels", "/")):
            continue
        if name.endswith(".bin"):
            members.skip(name, "it is an object of a program of its own")
        elif members.wanted:
            members.take(name, package.bytes_of(name))
        else:
            members.name(name)
    return members


def chosen(element: Element) -> list[Element]:
    """The children, with each set of alternatives replaced by what its first one holds."""
    found: list[Element] = []
    for one in element:
        if local(one) != "AlternateContent":
            found.append(one)
            continue
        choices = [branch for branch in one if local(branch) in ("Choice", "Fallback") and len(branch)]
        if choices:
            found.extend(chosen(choices[0]))
    return found


def flag(element: Element | None) -> bool:
    """Whether an on/off property is there and not switched off."""
    return element is not None and (attribute(element, "val") or "true").lower() not in ("0", "false", "off", "none")
