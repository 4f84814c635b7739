"""Which broker the settings name."""

from pathlib import Path

import pytest
from kombu import Connection

from app.brokers.address import broker_url, is_files, is_rabbitmq
from config.settings import Settings


def test_unset_means_a_folder_in_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    url = broker_url(Settings(home=Path("my home %41"), broker_url=""))
    assert is_files(url)
    assert not is_rabbitmq(url)
    with Connection(url) as connection:
        connection.connect()
    assert (tmp_path / "my home %41" / "broker" / "queues").is_dir()


def test_a_set_url_is_taken_as_it_is() -> None:
    url = broker_url(Settings(broker_url="amqp://user:secret@host//"))
    assert url == "amqp://user:secret@host//"
    assert is_rabbitmq(url)
    assert not is_files(url)
