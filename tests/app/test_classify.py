"""What an error means for the document."""

from app.work import classify
from docrelay.contents import ContentsDamaged
from docrelay.names import AttemptOutcome, ErrorClass


def test_damaged_bytes_are_no_mistake_of_ours() -> None:
    """The document fails at once, with the sentence that says what is wrong with its bytes."""
    problem, outcome = classify(ContentsDamaged("the stored bytes of 12ab… are missing"))
    assert (problem.error_class, problem.code) == (ErrorClass.PERMANENT, "contents_damaged")
    assert problem.message == "the stored bytes of 12ab… are missing"
    assert problem.traceback is None
    assert outcome is AttemptOutcome.FAILED
