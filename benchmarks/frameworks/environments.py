"""An environment of its own for each framework, made by pip from `pins.toml` and kept until the pins change."""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PINS = Path(__file__).with_name("pins.toml")
FRAMEWORKS = ("cocoindex", "haystack", "langchain", "llamaindex")
INSTALL_SECONDS = 3600.0
NOTE = "installed.json"

Run = Callable[[Sequence[str]], str]
"""Runs a command and returns what it printed."""


class NotInstalled(Exception):  # noqa: N818
    """A framework's environment cannot be made here; says why."""


@dataclass(frozen=True, slots=True)
class Pins:
    """What one framework's environment is made of."""

    name: str
    torch: str
    packages: tuple[str, ...]
    without: tuple[str, ...]
    """Packages that are taken out again."""
    store: str
    """Where its vectors go, in words."""

    @property
    def digest(self) -> str:
        """Changes with the pins and with the interpreter."""
        wanted = [self.torch, *self.packages, *self.without, sys.version]
        return hashlib.sha256("\n".join(wanted).encode()).hexdigest()


def read_pins(file: Path = PINS) -> dict[str, Pins]:
    """All frameworks by name."""
    content = tomllib.loads(file.read_text("utf-8"))
    torch, without, shared, _ = (content.pop(key) for key in ("torch", "without", "shared", "quantizer"))
    return {
        name: Pins(name, torch, (*shared, *found["packages"]), tuple(without), found["store"])
        for name, found in sorted(content.items())
    }


def read_quantizer(file: Path = PINS) -> Pins:
    """What `quantize` runs in."""
    content = tomllib.loads(file.read_text("utf-8"))
    packages = (*content["shared"], *content["quantizer"])
    return Pins("quantizer", content["torch"], packages, tuple(content["without"]), "")


def install(pins: Pins, cache: Path, run: Run | None = None) -> Path:
    """The interpreter of the environment, which is made anew if it was made from other pins or not finished.

    Raises:
        NotInstalled: pip failed; the message has its last lines.
    """
    run = run or command
    folder = cache.resolve() / pins.name
    python, note = folder / "bin" / "python", folder / NOTE
    if _noted(note) == pins.digest:
        return python
    note.unlink(missing_ok=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    run([sys.executable, "-m", "venv", "--clear", str(folder)])
    run([*pip, "install", "--quiet", pins.torch])
    # torch again: something else must not take it for another build, with gigabytes for graphics cards.
    run([*pip, "install", "--quiet", pins.torch, *pins.packages])
    if pins.without:
        run([*pip, "uninstall", "--quiet", "--yes", *pins.without])
    frozen = run([*pip, "freeze"])
    note.write_text(json.dumps({"digest": pins.digest, "packages": frozen.split()}, indent=1), "utf-8")
    return python


def _noted(note: Path) -> str:
    try:
        return str(json.loads(note.read_text("utf-8"))["digest"])
    except (OSError, ValueError, KeyError):
        return ""


def command(arguments: Sequence[str], *, folder: Path | None = None, extra: Mapping[str, str] | None = None) -> str:
    """Run a command in a folder, with variables beside ours; what it printed.

    Raises:
        NotInstalled: it failed; the message has its last lines.
    """
    try:
        done = subprocess.run(
            arguments,
            cwd=folder,
            env={**os.environ, **(extra or {})},
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{' '.join(arguments)}: not done after {INSTALL_SECONDS:g} s") from None
    if done.returncode:
        raise NotInstalled(f"{' '.join(arguments)}:\n{done.stderr.strip()[-2000:]}")
    return done.stdout
