"""Reading config/schedule.toml, with errors that say where, what was found, and what is expected."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from app.schedule.entries import PIPELINE_TASK, Entry
from docrelay.errors import ConfigError

Arguments = Mapping[str, type[BaseModel]]
"""The known tasks: name to the model of its arguments."""


def read(file: Path, tasks: Arguments) -> dict[str, Entry]:
    """The entries by name.

    Raises:
        ConfigError: every mistake of the file, each with its entry, key, what was found and what is expected.
    """
    try:
        return parse(file.read_text(), file.name, tasks)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def parse(text: str, where: str, tasks: Arguments) -> dict[str, Entry]:
    """The entries of a file's text; `where` is what errors call it."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: {error}") from error
    entries: dict[str, Entry] = {}
    problems: list[str] = []
    for name, table in tables.items():
        try:
            entries[name] = _entry(table, tasks)
        except _WrongError as wrong:
            problems += [f"{where}: [{name}] {line}" for line in wrong.lines]
    if problems:
        raise ConfigError("\n".join(problems))
    return entries


class _WrongError(Exception):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines)
        self.lines = lines


def _entry(table: Any, tasks: Arguments) -> Entry:
    if not isinstance(table, dict):
        raise _WrongError([f"= {table!r}: expected a table, with keys below its name"])
    wrong: list[str] = []
    try:
        entry = Entry.model_validate(table)
    except ValidationError as error:
        wrong += _lines(error, Entry)
    # Also when the rest is wrong: nobody wants to learn of mistakes one by one.
    wrong += _argument_lines(table, tasks)
    if wrong:
        raise _WrongError(wrong)
    return entry


def _argument_lines(table: dict[str, Any], tasks: Arguments) -> Iterator[str]:
    """Whether the task is known and takes these arguments; what is no task at all is named elsewhere."""
    task, pipeline, arguments = table.get("task"), table.get("pipeline"), table.get("arguments", {})
    if isinstance(pipeline, str) and task is None:
        task, arguments = PIPELINE_TASK, {"pipeline": pipeline, **arguments} if isinstance(arguments, dict) else None
    if not isinstance(task, str) or not task or not isinstance(arguments, dict):
        return
    model = tasks.get(task)
    if model is None:
        others = sorted(set(tasks) - {PIPELINE_TASK})
        yield f"task = {task!r}: expected one of {', '.join(others)}{_meant(task, others)}"
        return
    try:
        model.model_validate(arguments)
    except ValidationError as error:
        yield from _lines(error, model, "arguments.")


def _lines(error: ValidationError, model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    seen = set()
    for problem in error.errors():
        # An alternative of a key (a word or a number) is tried in turn, and each says that it does not fit.
        path = [str(part) for part in problem["loc"] if not _is_alternative(part)]
        key = prefix + ".".join(path)
        if key not in seen:
            seen.add(key)
            yield _line(key, dict(problem), model)


def _is_alternative(part: int | str) -> bool:
    return isinstance(part, str) and ("[" in part or part in ("int", "constrained-int"))


def _line(key: str, problem: dict[str, Any], model: type[BaseModel]) -> str:
    message: str = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        known = sorted(model.model_fields)
        return f"{key} is no key; known: {', '.join(known)}{_meant(key.rpartition('.')[2], known)}"
    if problem["type"] == "missing":
        return f"{key} is missing"
    if not problem["loc"]:
        return message
    if "xpected" not in message:
        message = f"expected {message[0].lower()}{message[1:]}".replace("expected input should be", "expected")
    return f"{key} = {problem['input']!r}: {message}"


def _meant(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


@dataclass(slots=True)
class Change:
    """What a look at the file found: new entries, or what is wrong with them."""

    entries: dict[str, Entry] | None = None
    problem: str | None = None


class WatchedFile:
    """The schedule file, read again whenever it has changed."""

    def __init__(self, file: Path, tasks: Arguments) -> None:
        """Watch a file; nothing is read yet."""
        self._file = file
        self._tasks = tasks
        self._seen: object = None

    def look(self) -> Change | None:
        """What has become of the file since the last look; None: nothing."""
        mark = self._mark()
        if mark == self._seen:
            return None
        self._seen = mark
        try:
            return Change(entries=read(self._file, self._tasks))
        except ConfigError as error:
            return Change(problem=str(error))

    def _mark(self) -> object:
        try:
            state = self._file.stat()
        except OSError as error:
            return error.errno
        # The inode too: editors write a new file, and a mounted ConfigMap swaps a link, within one clock tick.
        return state.st_mtime_ns, state.st_size, state.st_ino
