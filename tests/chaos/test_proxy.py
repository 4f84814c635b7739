"""The relay in front of Postgres loses the answers that it was told to lose, and nothing else."""

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
