"""The state machine of jobs and stages. Nothing else writes a status column.

    job:    queued ─► running ─┬► succeeded
                               ├► partial       some pages could not be read, the rest is kept
                               ├► no_text       read, and there is nothing in it to index
                               ├► failed        a permanent error, or retries used up
                               └► quarantined   its process died, or hit a limit, too often
            queued | running ───► cancelled
            partial | no_text | failed | quarantined | cancelled ─► queued        by `retry`

    stage:  waiting ─► ready ─► running ─┬► succeeded
                         ▲         │     ├► failed | quarantined
                         └─────────┘     └► cancelled
                  retry at a due time, lease run out, or given back
            waiting | ready ─► skipped | cancelled            the job's outcome is known without it

Each arrow is one guarded UPDATE … WHERE status = … whose row count says whether it happened, and is
written together with its event. Who may work is decided by the lease token, not by a status word: a
worker whose token is no longer the row's can write nothing.

A job's outcome is known when its last stage but those `after_outcome` (notify) has closed; closing
writes the notifications in the same transaction. It is `partial` if one of its stages found so.
Jobs on one document run one after another; one that is held until a time of its own (`not_before`) counts from then on.

Locks are taken in one order everywhere: stage runs by position, the job, the document.
"""

from docrelay.transitions.claims import Claim, beat, claim, give_back
from docrelay.transitions.creation import NewJob, Parent, Plan, create
from docrelay.transitions.deliveries import notify_service
from docrelay.transitions.demand import demand, on_demand
from docrelay.transitions.hints import commit_and_tell
from docrelay.transitions.jobs import explain_outcome
from docrelay.transitions.outcomes import Closing, Policy, Problem, fail, hold, postpone, succeed
from docrelay.transitions.removal import remove_document
from docrelay.transitions.requests import cancel, retry
from docrelay.transitions.rescue import expire_leases, release_followers, release_held

__all__ = [
    "Claim",
    "Closing",
    "NewJob",
    "Parent",
    "Plan",
    "Policy",
    "Problem",
    "beat",
    "cancel",
    "claim",
    "commit_and_tell",
    "create",
    "demand",
    "expire_leases",
    "explain_outcome",
    "fail",
    "give_back",
    "hold",
    "notify_service",
    "on_demand",
    "postpone",
    "release_followers",
    "release_held",
    "remove_document",
    "retry",
    "succeed",
]
