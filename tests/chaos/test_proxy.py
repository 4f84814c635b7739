"""The relay loses the answers that it was told to lose, is slow where it was told to be, and does nothing else."""

import time
from urllib.parse import urlsplit

import psycopg
import pytest

from chaos.proxy import Proxy


def test_a_commit_happens_although_its_answer_is_lost(url: str) -> None:
    """The client sees the connection break; another client sees the row."""
    plain = url.replace("+psycopg", "", 1)
    port = urlsplit(plain).port or 5432
    with psycopg.connect(plain, autocommit=True) as direct, Proxy(port) as proxy:
        direct.execute("create table seen (n int)")
        with psycopg.connect(plain.replace(f":{port}/", f":{proxy.port}/")) as through:
            through.execute("insert into seen values (1)")
            through.commit()
        proxy.lose(1)
        broken = psycopg.connect(plain.replace(f":{port}/", f":{proxy.port}/"))
        broken.execute("insert into seen values (2)")
        with pytest.raises(psycopg.OperationalError):
            broken.commit()
        broken.close()
        assert proxy.lost == 1
        assert direct.execute("select n from seen order by n").fetchall() == [(1,), (2,)]


def test_one_port_is_slow_and_another_is_not(url: str) -> None:
    """What passes through the slow port comes late, but whole; through the other at once."""
    plain = url.replace("+psycopg", "", 1)
    port = urlsplit(plain).port or 5432
    with Proxy(port) as proxy:
        slow = proxy.listen("127.0.0.1")
        here = psycopg.connect(plain.replace(f":{port}/", f":{proxy.port}/"))
        there = psycopg.connect(plain.replace(f":{port}/", f":{slow}/"))
        with here, there, proxy.slow(slow, 0.3):
            begun = time.monotonic()
            here.execute("select 1")
            between = time.monotonic()
            assert there.execute("select repeat('x', 1000)").fetchone() == ("x" * 1000,)
            assert time.monotonic() - between >= 0.6  # there and back
            assert between - begun < 0.3
        assert proxy.late >= 2
        late = proxy.late
        with psycopg.connect(plain.replace(f":{port}/", f":{slow}/")) as healed:
            healed.execute("select 1")
        assert proxy.late == late
