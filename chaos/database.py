"""Faults of Postgres, and of the line to it."""

import contextlib
import signal
import time

import psutil
import psycopg

from chaos.target import NotInjected, Target, gone, until

ANSWERS_LOST = 6


def restart(target: Target, with_signal: signal.Signals) -> str:
    """Stop the server by a signal: SIGINT is its "fast", SIGQUIT its "immediate", SIGKILL a crash."""
    process = psutil.Process(until(lambda: target.postgres.pid, 45, "no Postgres"))
    process.send_signal(with_signal)
    until(lambda: gone(process), 30, f"Postgres did not end by {with_signal.name}")
    until(lambda: _answers(target), 90, "Postgres does not answer again")
    if target.postgres.pid == process.pid:
        raise NotInjected("it is still the same process")
    return f"{process.pid} ended by {with_signal.name}, {target.postgres.pid} answers"


def _answers(target: Target) -> bool:
    try:
        target.admin().close()
    except psycopg.OperationalError:
        return False
    return True


def terminate_backends(target: Target) -> str:
    """Every connection of the service is ended by the server."""
    ended = target.rows(
        """select pg_terminate_backend(pid) from pg_stat_activity
           where pid <> pg_backend_pid() and backend_type = 'client backend'"""
    )
    if not ended:
        raise NotInjected("nobody was connected")
    return f"{len(ended)} connections ended"


def lock_jobs(target: Target) -> str:
    """Somebody holds a lock on the jobs for a while that lets nobody read or write them."""
    with target.admin() as connection, connection.transaction():
        connection.execute("set local lock_timeout = '20s'")
        connection.execute("lock table jobs in access exclusive mode")
        time.sleep(target.timing.outage)
        waiting = connection.execute(
            "select count(distinct pid) from pg_locks where not granted and relation = 'jobs'::regclass"
        ).fetchone()
    if not waiting or not waiting[0]:
        raise NotInjected("nobody had to wait for the lock")
    return f"{waiting[0]} connections waited"


def lose_commits(target: Target) -> str:
    """Transactions commit, and whoever asked for it sees the connection break instead."""
    before = target.proxy.lost
    target.proxy.lose(ANSWERS_LOST)
    try:
        target.fed_until(lambda: target.proxy.lost >= before + ANSWERS_LOST, 20, f"not {ANSWERS_LOST} commits came by")
    finally:
        target.proxy.lose(0)
    return f"{target.proxy.lost - before} answers to COMMIT lost"


def unreachable(target: Target) -> str:
    """The service's connections are cut, and for a while it gets no new ones; the server itself is well."""
    with target.proxy.away():
        try:
            psycopg.connect(target.stack.database_url.replace("+psycopg", ""), connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(target.timing.outage)
        else:
            raise NotInjected("somebody could still connect")
    return f"unreachable for {target.timing.outage:g} s"


def freeze(target: Target) -> str:
    """SIGSTOP of the server and all its processes for a while: connections stay open and nothing answers."""
    server = psutil.Process(until(lambda: target.postgres.pid, 45, "no Postgres"))
    # The server first, so that it starts no other meanwhile.
    stopped = [server, *server.children(recursive=True)]
    for process in stopped:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
    try:
        until(lambda: server.status() == psutil.STATUS_STOPPED, 5, "it was not stopped")
        time.sleep(target.dice.uniform(1, target.timing.outage))
    finally:
        for process in reversed(stopped):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
    return f"{len(stopped)} processes did not answer"


def full_disk(target: Target) -> str:
    """Postgres's disk is full for a while: it refuses what it cannot write, or dies of it."""
    seen = ""
    with target.database_disk.full():
        try:
            with target.admin() as connection:
                connection.execute("create table ballast as select generate_series(1, 1000000) as n")
        except psycopg.Error as error:
            seen = str(error).strip().splitlines()[0]
        else:
            raise NotInjected("there was room for a large table")
        time.sleep(target.dice.uniform(1, target.timing.outage))
    until(lambda: _answers(target), 90, "Postgres does not answer again")
    return f"it said: {seen}"
