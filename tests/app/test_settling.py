"""Which model a generation of the index has, by the first one that is loaded for it."""

import pytest
from sqlalchemy import Engine, text

from app.isolation import NotReady
from docrelay.search.vector_index import MOST_DIMENSIONS
from docrelay.transitions import generations
from tasks.engine import _settle, register
from tasks.isolated.model import ModelFacts


def settle(engine: Engine, facts: ModelFacts) -> None:
    with engine.begin() as connection:
        _settle(connection, generations.active(connection), register(connection, facts), facts)


def settled(engine: Engine) -> str | None:
    names = text("select m.name from generations g join models m on m.id = g.model_id where g.status = 'active'")
    with engine.connect() as connection:
        found: str | None = connection.scalar(names)
        return found


def test_the_first_model_is_the_generation_s_and_another_one_is_refused(engine: Engine) -> None:
    settle(engine, ModelFacts("first", "1", "float32", 384, 256))
    with pytest.raises(NotReady, match="the model at other is revision 7 in float32, and not the one"):
        settle(engine, ModelFacts("other", "7", "float32", 384, 256))
    assert settled(engine) == "first"


def test_a_model_that_could_not_be_indexed_is_refused_before_anything_is_made_with_it(engine: Engine) -> None:
    with pytest.raises(NotReady, match="wide makes 2001 dimensions, and 2000 are the most"):
        settle(engine, ModelFacts("wide", "1", "float32", MOST_DIMENSIONS + 1, 256))
    assert settled(engine) is None
    settle(engine, ModelFacts("as wide as may be", "1", "float32", MOST_DIMENSIONS, 256))
    assert settled(engine) == "as wide as may be"
