"""What an error means for the document."""

from app.isolation import AnswerGarbled
from app.work import classify
from config.settings import Settings
from docrelay.contents import ContentsDamaged
from docrelay.names import AttemptOutcome, ErrorClass
from pipelines.parse import ParseLimits


def test_damaged_bytes_are_no_mistake_of_ours() -> None:
    """The document fails at once, with the sentence that says what is wrong with its bytes."""
    problem, outcome = classify(ContentsDamaged("the stored bytes of 12ab… are missing"))
    assert (problem.error_class, problem.code) == (ErrorClass.PERMANENT, "contents_damaged")
    assert problem.message == "the stored bytes of 12ab… are missing"
    assert problem.traceback is None
    assert outcome is AttemptOutcome.FAILED


def test_an_answer_that_cannot_be_read_is_no_mistake_of_ours() -> None:
    """The document is tried once more in a fresh process, as after a crash."""
    problem, outcome = classify(AnswerGarbled(ValueError("MessagePack data is malformed")))
    assert (problem.error_class, problem.code) == (ErrorClass.POISON, "answer_garbled")
    assert "an answer that cannot be read (MessagePack data is malformed)" in problem.message
    assert outcome is AttemptOutcome.CRASHED


def test_the_default_limits_are_those_of_the_parser() -> None:
    """They are spelled twice, since settings may not import the work."""
    settings, limits = Settings(), ParseLimits()
    assert (settings.max_bytes, settings.max_pages, settings.max_text_chars) == (
        limits.max_bytes,
        limits.max_pages,
        limits.max_text_chars,
    )
