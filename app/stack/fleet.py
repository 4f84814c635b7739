"""Every long-running command of the service, each written once.

`up` starts them, docker-compose.yml repeats them word for word (a test compares), and the pages of the
documentation name them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.settings import Settings
from docrelay.names import Queue

PYTHON: Final = "python"


@dataclass(frozen=True)
class Role:
    """One long-running process."""

    name: str
    argv: tuple[str, ...]
    purpose: str


@dataclass(frozen=True)
class FlowerAddress:
    """Where Flower listens."""

    host: str
    port: int


def fleet(settings: Settings, *, home: Path, flower: FlowerAddress | None, python: str = PYTHON) -> list[Role]:
    """The roles in the order in which they start.

    Args:
        settings: say how many things are done at once.
        home: where Flower keeps its file.
        flower: where Flower listens; None leaves it out.
        python: the interpreter; `sys.executable` where the path does not lead to the environment.
    """
    roles = [
        _role(
            "dispatch",
            "announces what is ready, finds what is stuck: the only producer",
            python,
            "-m",
            "app",
            "dispatch",
        ),
        _worker(
            "parse", Queue.PARSE, settings.parse_concurrency, "documents to text, each in a process of its own", python
        ),
        _worker("ocr", Queue.OCR, settings.ocr_concurrency, "pages that are pictures to text", python),
        # One model process per worker, which uses all cores by itself; documents take turns at it.
        _worker(
            "vectorize",
            Queue.VECTORIZE,
            settings.vectorize_concurrency,
            "text to chunks and embeddings; answers searches",
            python,
        ),
        _worker("notify", Queue.NOTIFY, settings.notify_concurrency, "tells the people who wait", python),
        # Of its own: a sync that runs for hours must not keep a notification waiting, and may need folders of one host.
        _worker("recur", Queue.RECUR, settings.recur_concurrency, "runs the recurring jobs", python),
        _celery("beat", "says when recurring jobs are due; several share the work of one", python, "beat"),
    ]
    return [*roles, _flower(flower, home, python)] if flower else roles


def environment(settings: Settings, *, inherited: Mapping[str, str]) -> dict[str, str]:
    """What the processes need in their environment beyond the settings; what is set already wins."""
    ours = {
        "PYTHONUNBUFFERED": "1",  # lines appear when they are written, not 8 KiB later
        # Celery warns every root of its pickles, eight lines per worker; it accepts none here.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        "TOKENIZERS_PARALLELISM": "false",  # a second pool of threads beside torch's fights for the same cores
    }
    if not _is_hub_id(settings.embedding_model):
        ours["HF_HUB_OFFLINE"] = "1"  # the model is here; asking a hub about it costs seconds, or hangs
    return {name: value for name, value in ours.items() if name not in inherited}


def flower_environment(user: str, password: str) -> dict[str, str]:
    """Who may open Flower: not on its command line, which everybody on the machine can read."""
    return {"FLOWER_BASIC_AUTH": f"{user}:{password}"}


def _role(name: str, purpose: str, *argv: str) -> Role:
    return Role(name, argv, purpose)


def _celery(name: str, purpose: str, python: str, *argv: str) -> Role:
    # Not the `celery` script: it drops the working directory from the path, and `app` is not installed.
    # Quiet: no banner of twenty lines; what they log is not affected.
    return _role(name, purpose, python, "-m", "celery", "-A", "app", "--quiet", *argv)


def _worker(name: str, queue: Queue, concurrency: int, purpose: str, python: str) -> Role:
    return _celery(
        name,
        purpose,
        python,
        "worker",
        "--queues",
        queue.value,
        # Documents are worked in processes of their own, which the threads watch: see
        # docs/decisions/0003-threads-and-document-processes.md.
        "--pool",
        "threads",
        "--concurrency",
        str(concurrency),
        "--hostname",
        f"{name}@%h",
        # Workers need nothing from each other; gossip is the square of their number in messages.
        "--without-gossip",
        "--without-mingle",
    )


def _flower(address: FlowerAddress, home: Path, python: str) -> Role:
    return _celery(
        "flower",
        "the live view of workers and tasks",
        python,
        "flower",
        f"--address={address.host}",
        f"--port={address.port}",
        # A click on "terminate" or "revoke" there would go behind the rows' back.
        "--read_only=True",
        # The document's name and its job travel as `args`; by itself Flower shows only ids.
        "--tasks_columns=name,args,state,received,runtime,worker,uuid",
        # In memory only, it would show nothing after a restart.
        "--persistent=True",
        f"--db={home / 'flower' / 'flower.db'}",
        "--state_save_interval=10000",
        # It keeps whole tasks: the default of 100,000 is half a gigabyte.
        "--max_tasks=20000",
        # Else every restarted container stays in the list for ever, as offline.
        "--purge_offline_workers=3600",
    )


def _is_hub_id(model: str) -> bool:
    return "/" in model and not Path(model).expanduser().exists()
