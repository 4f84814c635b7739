"""Programming languages, by the names of files and by a first line such as ``#!/bin/sh``."""

from functools import lru_cache

# Pygments counts these as languages, but they are texts and data that other parsers read better, or logs.
_NO_CODE = frozenset("Text only|Text output|Markdown|reStructuredText|Org Mode|HTML|XML|JSON|CSV|TSV|Diff".split("|"))


def language_of(name: str, head: str = "") -> str | None:
    """The name of the language, such as "Python" or "C++", or None for what is no source code."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1]
    return _by_name(base[-100:]) or (_by_interpreter(head.split("\n", 1)[0][:200]) if head.startswith("#!") else None)


@lru_cache(maxsize=1024)  # names are hostile: no cache without a bound
def _by_name(base: str) -> str | None:
    from pygments.lexers import find_lexer_class_for_filename

    lexer = find_lexer_class_for_filename(base) if base else None
    return None if lexer is None or lexer.name in _NO_CODE else str(lexer.name)


@lru_cache(maxsize=1024)  # names are hostile: no cache without a bound
def _by_interpreter(line: str) -> str | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    words = line.removeprefix("#!").split()
    program = next((word.rsplit("/", 1)[-1] for word in words if not word.endswith("/env") and word[0] != "-"), "")
    try:
        return str(get_lexer_by_name(program.rstrip("0123456789.")).name)
    except ClassNotFound:
        return None
