"""What the tests of notifications and alerts share."""

import pytest
from sqlalchemy import Engine

from docrelay import Client
from tests.transitions.service import Service


@pytest.fixture
def service(engine: Engine, client: Client) -> Service:
    """Moves on the jobs of a database of this test's own."""
    return Service(engine, client)
