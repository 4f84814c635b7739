"""Starting document processes from a thread that lives as long as its worker.

The kernel's parent-death signal, by which a document process dies with its worker, fires when the *thread* that
started it ends. Threads of a worker do end while others still use what they started: when it is told to stop, the one
that answers searches goes first, and would take the model away from the document that is being embedded.
"""

import subprocess
import threading
from concurrent.futures import Future
from functools import cache
from queue import Empty, SimpleQueue
from typing import Any, cast

REAP_SECONDS = 1.0
"""One that died while nobody used it would stay a zombie until the next document."""

Request = tuple[list[str], dict[str, Any], "Future[subprocess.Popen[bytes]]"]


def spawn(argv: list[str], **options: Any) -> "subprocess.Popen[bytes]":
    """`subprocess.Popen` of these arguments, by the thread that never ends.

    Raises:
        OSError: the process could not be started.
    """
    answer: Future[subprocess.Popen[bytes]] = Future()
    _requests().put((argv, options, answer))
    return answer.result()


@cache
def _requests() -> "SimpleQueue[Request]":
    requests: SimpleQueue[Request] = SimpleQueue()
    threading.Thread(target=_serve, args=(requests,), name="spawn", daemon=True).start()
    return requests


def _serve(requests: "SimpleQueue[Request]") -> None:
    started: list[subprocess.Popen[bytes]] = []
    while True:
        try:
            argv, options, answer = requests.get(timeout=REAP_SECONDS if started else None)
        except Empty:
            started = [process for process in started if process.poll() is None]
            continue
        try:
            process = cast("subprocess.Popen[bytes]", subprocess.Popen(argv, **options))
        except BaseException as error:  # noqa: BLE001 - whoever asked gets it
            answer.set_exception(error)
        else:
            started.append(process)
            answer.set_result(process)
