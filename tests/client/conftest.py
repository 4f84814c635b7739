"""What the tests of the client share."""

import pytest
from sqlalchemy import Engine

from docrelay import Client
from tests.transitions.service import Service


@pytest.fixture
def service(engine: Engine, client: Client) -> Service:
    """Does what the service would, in the client's database."""
    return Service(engine, client)
