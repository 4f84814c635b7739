"""What the harness does to the machine is real, and gone afterwards."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.clock import HOUR, Clock
from chaos.disk import Disk
from chaos.machine import NotPossible, command
from chaos.network import Namespace

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and network namespaces take root")


def test_what_is_not_possible_says_how_to_leave_it_out() -> None:
    with pytest.raises(NotPossible, match="--without disk"):
        command("disk", "false")
    with pytest.raises(NotPossible, match="--without network"):
        command("network", "there-is-no-such-command")


@as_root
def test_a_full_disk_takes_nothing_until_it_is_over(tmp_path: Path) -> None:
    with Disk(tmp_path / "disk", real=True) as disk:
        (disk.folder / "before").write_bytes(b"x" * 100_000)
        with disk.full(), pytest.raises(OSError, match="No space left") as refused:
            (disk.folder / "more").write_bytes(b"x" * 100_000)
        assert refused.value.errno == errno.ENOSPC
        (disk.folder / "more").write_bytes(b"x" * 100_000)
        assert (disk.folder / "before").stat().st_size == 100_000
    assert list(disk.folder.iterdir()) == []


TOLD = "import time; begun = time.monotonic(); time.sleep(0.2); print(time.time(), time.monotonic() - begun)"


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_a_wrong_clock_is_wrong_by_so_much_and_time_still_passes(tmp_path: Path, seconds: int) -> None:
    clock = Clock(tmp_path)

    def told() -> tuple[float, float]:
        command = [sys.executable, "-c", TOLD]
        done = subprocess.run(command, env=os.environ | clock.environment, capture_output=True, text=True, check=True)
        at, passed = done.stdout.split()
        return float(at) - time.time(), float(passed)

    with clock.wrong(seconds):
        off, passed = told()
        assert abs(off - seconds) < 60
        assert 0.19 < passed < 30
    assert abs(told()[0]) < 60


@as_root
def test_a_line_is_cut_in_silence_and_heals() -> None:
    import socket

    with Namespace() as network:
        link, other = network.links["database"], network.links["broker"]
        servers = [socket.create_server((each.here, 0)) for each in (link, other)]
        ports = [server.getsockname()[1] for server in servers]
        assert link.answers(ports[0])
        assert other.answers(ports[1])
        with link.cut():
            assert not link.answers(ports[0])
            assert other.answers(ports[1])
        assert link.answers(ports[0])
        for server in servers:
            server.close()
    assert network.name not in command("network", "ip", "netns", "list")
