"""The retrieval test collections Cranfield and CISI, as they are shipped (SMART format)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_RECORD = re.compile(r"^\.I\s+(\d+)\s*$", re.MULTILINE)
_FIELD = re.compile(r"^\.([TABWXNK])\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents by id, queries by id, and for each query the ids that answer it with their gain (more is better)."""

    name: str
    documents: Mapping[str, str]
    queries: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]


def read_collections(folder: Path) -> list[Collection]:
    """Those of both that are in the folder.

    Raises:
        FileNotFoundError: neither is.
    """
    found = []
    if (folder / "cranfield").is_dir():
        found.append(_cranfield(folder / "cranfield"))
    if (folder / "cisi").is_dir():
        found.append(_cisi(folder / "cisi"))
    if not found:
        raise FileNotFoundError(f"{folder} holds neither cranfield/ nor cisi/")
    return found


def _cranfield(folder: Path) -> Collection:
    # In `.W` the title is repeated. Two documents are empty. The judgments number the queries by their place.
    documents = {number: fields.get("W", "") for number, fields in _records(folder / "cran.all.1400")}
    queries = [fields["W"] for _, fields in _records(folder / "cran.qry")]
    relevant: dict[str, dict[str, int]] = {}
    for line in (folder / "cranqrel").read_text().splitlines():
        query, document, grade = line.split()
        if int(grade) > 0:  # 1 is best, 4 least; what -1 means is disputed
            relevant.setdefault(query, {})[document] = 5 - int(grade)
    return Collection(
        "Cranfield", _filled(documents), {str(n): query for n, query in enumerate(queries, start=1)}, relevant
    )


def _cisi(folder: Path) -> Collection:
    documents = {
        number: f"{fields.get('T', '')}\n\n{fields.get('W', '')}" for number, fields in _records(folder / "CISI.ALL")
    }
    queries = {number: fields["W"] for number, fields in _records(folder / "CISI.QRY")}
    relevant: dict[str, dict[str, int]] = {}
    for line in (folder / "CISI.REL").read_text().splitlines():
        query, document = line.split()[:2]
        relevant.setdefault(query, {})[document] = 1
    return Collection("CISI", _filled(documents), queries, relevant)


def _filled(documents: Mapping[str, str]) -> dict[str, str]:
    return {number: text for number, text in documents.items() if text.strip()}


def _records(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    pieces = _RECORD.split(path.read_text(encoding="latin-1"))
    for number, body in zip(pieces[1::2], pieces[2::2], strict=True):
        parts = _FIELD.split(body)
        yield number, {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}
