"""Finds a model's files, and gives what they hold a name that changes when they do."""

import hashlib
import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What a snapshot from the hub needs: not the same weights once more for other runtimes.
_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model", "*/config.json", "*/*.safetensors"]
_BLOCK = 65_536
_BLOCKS = 64


class ModelNotFoundError(LookupError):
    """No folder, installed package or reachable hub id of that name holds a model."""


def find_model(model: str) -> tuple[Path, str]:
    """The folder of a model and its revision.

    ``model`` is a folder, the name of an installed package that carries one (no network is touched for these two), or
    a hub id, which is downloaded unless it is cached or ``HF_HUB_OFFLINE`` is set. Raises ModelNotFoundError.
    """
    folder = _folder(Path(model).expanduser()) if model else None
    folder = folder or _packaged(model)
    if folder is not None:
        return folder, _revision(folder)
    return _from_hub(model)


def whole(model: str) -> str:
    """The same model by a name that is right in every working directory."""
    folder = _folder(Path(model).expanduser()) if model else None
    return str(folder) if folder else model


def read_json(file: Path) -> dict[str, Any]:
    """The object in a JSON file, or an empty one when there is no such file."""
    if not file.is_file():
        return {}
    content = json.loads(file.read_text("utf-8"))
    return content if isinstance(content, dict) else {"": content}


def _folder(path: Path) -> Path | None:
    return path.resolve() if (path / "config.json").is_file() or (path / "modules.json").is_file() else None


def _packaged(model: str) -> Path | None:
    """The model folder in an installed package, which is not imported for it."""
    name = model.replace("-", "_")
    if not name.isidentifier():
        return None
    spec = importlib.util.find_spec(name)
    for location in (spec.submodule_search_locations or []) if spec else []:
        root = Path(location)
        for candidate in (root, *sorted(path for path in root.iterdir() if path.is_dir())):
            if folder := _folder(candidate):
                return folder
    return None


def _from_hub(model: str) -> tuple[Path, str]:
    import huggingface_hub  # half a second, needed for hub ids only
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    for cached in (True, False):
        try:
            found = huggingface_hub.snapshot_download(model, allow_patterns=_WANTED, local_files_only=cached)
        except HFValidationError as error:
            raise ModelNotFoundError(_missing(model)) from error
        except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
            if not cached:
                raise ModelNotFoundError(_missing(model)) from error
        else:
            folder = Path(found)
            return folder, folder.name
    raise ModelNotFoundError(_missing(model))


def _missing(model: str) -> str:
    offline = " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
    return (
        f"The model {model!r} is neither a folder with a model nor an installed package that carries one, "
        f"and the model hub does not give it{offline}."
    )


def _revision(folder: Path) -> str:
    """A hash of the configuration and of samples all over the weights: training changes every part of them."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.json")):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    for file in sorted((*folder.rglob("*.safetensors"), *folder.rglob("*.bin"))):
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0")
        for block in _samples(file):
            digest.update(block)
    return digest.hexdigest()[:40]


def _samples(file: Path) -> Iterator[bytes]:
    size = file.stat().st_size
    yield size.to_bytes(8, "little")
    step = max(_BLOCK, size // _BLOCKS)
    with file.open("rb") as stream:
        for offset in range(0, size, step):
            stream.seek(offset)
            yield stream.read(_BLOCK)
