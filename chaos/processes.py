"""Faults of processes: killed, frozen, told to stop."""

import contextlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import httpx
import psutil

from chaos.load import COLLECTION
from chaos.target import Kill, NotInjected, Target, gone, until

SUBMITTER = """
import os, pathlib, signal, sys
from docrelay import Client
url, folder, collection, receiver = sys.argv[1:]
client = Client(url)
for path in sorted(pathlib.Path(folder).iterdir()):
    job = client.submit(path.read_bytes(), name=path.name, collection=collection, key=path.name, notify=[receiver])
    print(job.id, path.name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _kill(process: psutil.Process) -> None:
    process.kill()
    until(lambda: gone(process), 10, f"process {process.pid} did not die")


def kill_role(target: Target, kind: str) -> str:
    """SIGKILL of a role's process, one that works on a stage if there is one."""
    name, pid = target.pid_of(kind)
    busy = {worker for *_, worker in target.at_work()}
    of_kind = [(n, p) for n, p in target.stack.supervisor.pids().items() if p in busy and n.split("-")[0] == kind]
    name, pid = of_kind[0] if of_kind else (name, pid)
    _kill(psutil.Process(pid))
    return f"{name} {pid} died{' at work' if of_kind else ''}"


def end_document_process(target: Target, with_signal: signal.Signals) -> str:
    """A document process whose worker is at work is killed, or crashes."""
    worker, process = _victim(target)
    target.kills.append(Kill(worker, time.time()))
    process.send_signal(with_signal)
    until(lambda: gone(process), 10, f"process {process.pid} did not die")
    return f"document process {process.pid} died by {with_signal.name}"


def _victim(target: Target) -> tuple[int, psutil.Process]:
    """A worker at work and its document process; never a second one of the same document."""

    def victim() -> tuple[int, psutil.Process] | None:
        struck = "select 1 from stage_runs where strikes > 0 and status in ('ready', 'running')"
        if target.rows(struck):
            return None
        for *_, worker in target.at_work():
            found = _document_processes(worker)
            if found:
                return worker, target.dice.choice(found)
        return None

    return target.fed_until(victim, 30, "no document process at work")


def _document_processes(worker: int) -> list[psutil.Process]:
    try:
        wardens = [each for each in psutil.Process(worker).children() if "app.isolation.child" in each.cmdline()]
        return [document for warden in wardens for document in warden.children()]
    except psutil.Error:
        return []


def freeze_worker(target: Target) -> str:
    """SIGSTOP of a worker that holds a stage, until that was taken from it, then SIGCONT.

    What it does when it wakes is looked for at the end: no event and no effect may be of an attempt
    whose lease had run out.
    """
    stage, token, worker, process = target.fed_until(
        lambda: _frozen_at_work(target), 30, "no worker was caught at work"
    )
    try:
        held = "select 1 from stage_runs where id = %s and lease_token = %s and status = 'running'"
        until(
            lambda: not target.rows(held, stage, token), target.timing.bound, "the frozen worker's stage was not taken"
        )
        if process.status() != psutil.STATUS_STOPPED:
            raise NotInjected(f"{worker} was not stopped")
        # Let another worker have it, so that the late one has somebody to collide with.
        time.sleep(target.dice.uniform(0.0, 2.0))
    finally:
        process.resume()
    return f"{worker} was frozen, lost its lease and woke up"


def _frozen_at_work(target: Target) -> tuple[uuid.UUID, int, str, psutil.Process] | None:
    """Stop a worker, and let it go again if it had just finished."""
    for stage, token, worker, pid in target.at_work():
        process = psutil.Process(pid)
        process.suspend()
        time.sleep(0.05)  # what it had sent before is written by now
        if any(row[1] == token for row in target.at_work()):
            return stage, token, worker, process
        process.resume()
    return None


def no_descriptors(target: Target) -> str:
    """A worker may open no file and no connection more, for a while."""
    name, pid = target.pid_of("parse")
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    few = psutil.Process(pid).num_fds()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (few, usual[1]))
    try:
        target.feed(2)
        time.sleep(target.dice.uniform(1, target.timing.outage))
        if psutil.Process(pid).num_fds() > few:
            raise NotInjected(f"{name} has opened more than {few}")
    except psutil.NoSuchProcess:
        return f"{name} {pid} could open nothing more than its {few} files, and ended"
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)
    return f"{name} {pid} could open nothing more than its {few} files"


def kill_flower(target: Target) -> str:
    """SIGKILL of Flower, which must be started again and answer."""
    flower = target.stack.plan.flower
    if flower is None:
        raise NotInjected("this run has no Flower")
    settings = target.stack.plan.settings
    login = (settings.flower_user, settings.flower_password.get_secret_value())
    _, pid = target.pid_of("flower")
    _kill(psutil.Process(pid))

    def answers() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            page = httpx.get(f"http://{flower.host}:{flower.port}/", auth=login, timeout=5, follow_redirects=True)
            return page.is_success and "Flower" in page.text
        return False

    until(answers, 60, "Flower does not answer again", every=0.2)
    return f"flower {pid} died, {target.pid_of('flower')[1]} answers"


def stop_worker(target: Target, kind: str) -> str:
    """SIGTERM of a worker: it gives back what it cannot finish, and ends by itself."""
    name, pid = target.pid_of(kind)
    process = psutil.Process(pid)
    process.send_signal(signal.SIGTERM)
    until(lambda: gone(process), 30, f"{name} did not end after SIGTERM")
    return f"{name} {pid} ended"


def kill_submitter(target: Target) -> str:
    """SIGKILL of a program right after `submit` returned: what it was told is accepted must be done."""
    documents = target.load.take(3)
    if not documents:
        raise NotInjected("no documents are left to submit")
    with tempfile.TemporaryDirectory(prefix="docrelay-chaos-") as folder:
        for name, data in documents:
            (Path(folder) / name).write_bytes(data)
        arguments = [target.stack.database_url, folder, COLLECTION, target.load.receiver]
        command = [sys.executable, "-c", SUBMITTER, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    for job_id, name in lines:
        target.load.note(uuid.UUID(job_id), name)
    if done.returncode != -signal.SIGKILL or len(lines) != len(documents):
        raise NotInjected(f"the submitter ended with {done.returncode}: {done.stderr[-300:]}")
    return f"{len(lines)} accepted, then killed"
