"""A recurring task that only counts: what a run costs without its work.

Beats and the recur worker import it by `DOCRELAY_TASK_MODULES=benchmarks.schedule.counting`.
"""

from typing import Any

from app.schedule.recurring import NoArguments, Run, recurring

MODULE = __name__
TASK = "count"


@recurring(TASK, NoArguments)
def count(run: Run, _: NoArguments) -> dict[str, Any]:
    """One more."""
    return {"runs": 1}
