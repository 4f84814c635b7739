"""Jupyter notebooks: Markdown as it is, code and what it printed in fences."""

import json
import re
from typing import Any

from pipelines.documents import ParsedDocument
from pipelines.errors import PermanentError
from pipelines.parse import media
from pipelines.parse.blocks import Blocks
from pipelines.parse.clean import clean_line
from pipelines.parse.failures import reason
from pipelines.parse.limits import ParseLimits
from pipelines.parse.parser import Report, Source

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def parse(source: Source, limits: ParseLimits, report: Report) -> ParsedDocument:
    """The document of a notebook. Raises PermanentError ``corrupt`` or ``too_large``."""
    try:
        book = json.loads(source.text or "")
    except (ValueError, RecursionError) as error:
        raise PermanentError(
            "corrupt", f"The notebook is no regular JSON: {reason(error)}; save it anew in Jupyter."
        ) from error
    blocks = Blocks(limits)
    facts = _dict(_dict(book).get("metadata"))
    language = clean_line(
        str(_dict(facts.get("kernelspec")).get("language") or _dict(facts.get("language_info")).get("name") or ""), 40
    )
    cells = _list(_dict(book).get("cells"))
    for cell in map(_dict, cells):
        text = _text(cell.get("source"))
        if cell.get("cell_type") == "code":
            blocks.verbatim(text, language)
            for output in map(_dict, _list(cell.get("outputs"))):
                blocks.verbatim(_COLOURS.sub("", _printed(output)))
        else:
            blocks.markdown(text)
    pages = blocks.pages()
    report(1, 1)
    metadata = {"programming_language": language} if language else {}
    title = clean_line(_text(facts.get("title")))
    return ParsedDocument(media.IPYNB, len(pages), pages, [], metadata | ({"title": title} if title else {}), [])


def _printed(output: dict[str, Any]) -> str:
    if output.get("output_type") == "error":
        return f"{_text(output.get('ename'))}: {_text(output.get('evalue'))}"
    return _text(output.get("text")) or _text(_dict(output.get("data")).get("text/plain"))


def _text(value: object) -> str:
    """Notebooks hold texts whole, or as lists of lines; hostile ones hold anything."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
