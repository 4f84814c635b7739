"""What could not be processed and waits for a person: quarantined jobs, and messages that were refused.

`selection` says which, `cases` looks at jobs, `letters` at messages.
"""

from app.quarantine.cases import Attempt, Case, discard, examine, read_bytes, replay, select_cases
from app.quarantine.letters import Letter, discard_letters, examine_letter, select_letters
from app.quarantine.selection import Selection, moment

__all__ = [
    "Attempt",
    "Case",
    "Letter",
    "Selection",
    "discard",
    "discard_letters",
    "examine",
    "examine_letter",
    "moment",
    "read_bytes",
    "replay",
    "select_cases",
    "select_letters",
]
