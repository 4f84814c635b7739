"""The embedded Postgres: found again, never shared, never left behind."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from app.stack.embedded import EmbeddedPostgres
from app.stack.home import Home
from docrelay.errors import ConfigError
from docrelay.names import ADDRESS_FILE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.make()
    return home


def eventually(condition: Callable[[], bool], seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def write_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def count_rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def test_the_second_start_finds_data_and_address_again(home: Home) -> None:
    with EmbeddedPostgres(home) as postgres:
        first = postgres.url
        write_row(first)
    with EmbeddedPostgres(home) as postgres:
        assert postgres.url == first
        assert count_rows(first) == 1


def test_the_client_has_vectors_but_no_power_over_the_server(home: Home) -> None:
    with EmbeddedPostgres(home) as postgres, psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,4]'").fetchone() == (2.0,)
        assert connection.execute("SELECT usesuper FROM pg_user WHERE usename = current_user").fetchone() == (False,)


def test_nobody_gets_in_without_the_password(home: Home) -> None:
    with EmbeddedPostgres(home) as postgres:
        secret = postgres.url.split(":")[2].split("@")[0]
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(postgres.url.replace(secret, "guess"))
        assert secret not in " ".join(psutil.Process(postgres.pid).cmdline())


def test_stopping_ends_the_server_although_clients_are_connected(home: Home) -> None:
    with EmbeddedPostgres(home) as postgres:
        pid = postgres.pid
        forgotten = psycopg.connect(postgres.url)
        begun = time.monotonic()
    assert time.monotonic() - begun < 10
    assert pid is not None
    assert not psutil.pid_exists(pid)
    forgotten.close()


def test_a_server_that_dies_is_started_again_with_what_was_committed(home: Home) -> None:
    said: list[str] = []
    with EmbeddedPostgres(home, say=lambda text, _name: said.append(text)) as postgres:
        write_row(postgres.url)
        os.kill(postgres.pid or 0, signal.SIGKILL)

        def back() -> bool:
            try:
                return count_rows(postgres.url) == 1
            except psycopg.OperationalError:
                return False

        assert eventually(back, 30)
    assert "was killed by SIGKILL; starting it again in 1 s" in said


def test_a_home_folder_whose_path_is_too_long_for_a_socket(tmp_path: Path) -> None:
    home = Home(tmp_path / ("x" * 120))
    home.make()
    with EmbeddedPostgres(home) as postgres:
        write_row(postgres.url)


def test_an_interrupted_first_start_is_begun_anew(home: Home) -> None:
    half = home.path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(home) as postgres:
        write_row(postgres.url)


def test_a_stale_note_with_somebody_elses_number_is_no_obstacle(home: Home) -> None:
    with EmbeddedPostgres(home) as postgres:
        write_row(postgres.url)
    note = home.path / "postgres" / "postmaster.pid"
    note.write_text(f"{os.getpid()}\n{home.path / 'postgres'}\n1\n5432\n\n127.0.0.1\n0 0\nready\n")
    with EmbeddedPostgres(home) as postgres:
        assert count_rows(postgres.url) == 1


HOLDER = """
import sys, time
from pathlib import Path
from app.stack.embedded import EmbeddedPostgres
from app.stack.home import Home
home = Home(Path(sys.argv[1]))
home.make()
with home.lock(), EmbeddedPostgres(home) as postgres:
    home.publish_address(postgres.url)
    print(postgres.pid, flush=True)
    time.sleep(600)
"""


def test_after_a_violent_death_nothing_is_left_and_all_is_kept(home: Home) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        pid = int(holder.stdout.readline())
        address = home.path / ADDRESS_FILE
        assert stat.S_IMODE(address.stat().st_mode) == 0o600
        write_row(address.read_text().strip())

        with pytest.raises(ConfigError, match=f"in use by process {holder.pid}"), home.lock():
            pass

        holder.kill()
    assert eventually(lambda: not psutil.pid_exists(pid))
    with home.lock(), EmbeddedPostgres(home) as postgres:
        assert count_rows(postgres.url) == 1


def test_a_server_left_behind_without_a_guard_is_stopped_first(home: Home) -> None:
    said: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home.path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        pid = int(holder.stdout.readline())
        for child in psutil.Process(holder.pid).children():
            if "app.stack.guard" in child.cmdline():
                child.kill()
        holder.kill()
    assert psutil.pid_exists(pid)
    with home.lock(), EmbeddedPostgres(home, say=lambda text, _name: said.append(text)):
        assert not psutil.pid_exists(pid)
    assert f"stopping a server that was left behind (process {pid})" in said
