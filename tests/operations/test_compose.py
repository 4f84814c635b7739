"""docker-compose.yml runs what `up` runs, opens one port, and gives everybody time to stop."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.stack.fleet import FlowerAddress, fleet
from app.stack.supervisor import GRACE_SECONDS
from config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "docrelay"}
NAMES = {
    "parse": "worker-parse",
    "ocr": "worker-ocr",
    "vectorize": "worker-vectorize",
    "notify": "worker-notify",
    "recur": "worker-recur",
}

SETTINGS = Settings(parse_concurrency=2, ocr_concurrency=1, notify_concurrency=8, recur_concurrency=4)
ROLES = fleet(SETTINGS, home=Path("/var/lib/docrelay"), flower=FlowerAddress("0.0.0.0", 5555))


def filled_in(text: str) -> str:
    """The text with Compose's `${NAME:-default}` replaced by the default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_each_command_is_that_of_the_fleet(role: Any) -> None:
    command = [filled_in(word) for word in OURS[NAMES.get(role.name, role.name)]["command"]]
    assert command == list(role.argv)


def test_it_runs_the_whole_fleet_and_nothing_unknown() -> None:
    assert set(OURS) == {NAMES.get(role.name, role.name) for role in ROLES} | {"migrate"}


def test_only_flower_is_open_and_only_on_this_host() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "flower": ["127.0.0.1:5555:5555"]
    }


def test_nobody_is_killed_while_it_still_may_work() -> None:
    for service in OURS.values():
        assert int(service["stop_grace_period"].removesuffix("s")) > Settings().stop_seconds + GRACE_SECONDS


def test_everything_waits_for_the_migration_and_is_started_again() -> None:
    for name, service in OURS.items():
        if name != "migrate":
            assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
            assert service["restart"] == "unless-stopped"


def test_no_secret_has_a_default_and_each_is_explained() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    required = set(re.findall(r"\$\{(\w+):\?", text))
    used = set(re.findall(r"\$\{(\w+)", text))
    example = (ROOT / ".env.example").read_text()
    assert required == {"POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "FLOWER_PASSWORD", "DOCRELAY_WEBHOOK_SECRET"}
    for name in used:
        assert re.search(rf"^#?{name}=", example, re.MULTILINE), f"{name} is missing in .env.example"


def test_every_variable_is_a_setting() -> None:
    given = {name for service in OURS.values() for name in service["environment"] if name.startswith("DOCRELAY_")}
    known = {f"DOCRELAY_{name.upper()}" for name in Settings.model_fields}
    assert given <= known


def test_the_image_holds_every_folder_that_runs() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert copied == {"docrelay", "config", "pipelines", "app", "tasks"}
    allowed = (ROOT / ".dockerignore").read_text()
    for folder in copied:
        assert f"!{folder}\n" in allowed
