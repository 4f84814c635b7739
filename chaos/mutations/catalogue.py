"""The breaks: which rule, which text is replaced by which, and the faults that should show it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """One text of a file, replaced by another; it must occur there exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """A rule that is broken."""

    name: str
    breaks: str
    edits: tuple[Edit, ...]
    only: tuple[str, ...]
    faults: int = 4
    documents: int = 20


OUTCOMES = "docrelay/transitions/outcomes.py"

MUTATIONS = (
    Mutation(
        "closing-without-token",
        "the closing UPDATE does not ask for the lease token",
        (
            Edit(
                OUTCOMES,
                """        where id = :id and lease_token = :token
        returning id, job_id, position, stage, attempt, after_outcome""",
                """        where id = :id and cast(:token as bigint) is not null
        returning id, job_id, position, stage, attempt, after_outcome""",
            ),
        ),
        ("worker frozen",),
    ),
    Mutation(
        "no-sweep",
        "nobody looks for leases that have run out",
        (Edit("app/dispatch/sweep.py", "moved = transact(self._engine, self._rows)", "moved = 0"),),
        ("parse worker killed", "vectorize worker killed"),
    ),
    Mutation(
        "never-announced-again",
        "what was announced and lost is not announced again",
        (Edit("app/dispatch/sweep.py", "        if not row.overdue:\n", "        if row is not None:\n"),),
        ("every queue purged",),
        faults=3,
    ),
    Mutation(
        "lost-worker-is-charged",
        "a worker that is lost counts as a failure of the document",
        (
            Edit(
                "docrelay/transitions/rescue.py",
                "losses = losses + 1,",
                "losses = losses + 1, failures = failures + 1,",
            ),
        ),
        ("worker frozen", "vectorize worker killed"),
    ),
    Mutation(
        "followers-not-released",
        "the end of a job does not start the one that waits behind it",
        (
            Edit(
                "docrelay/transitions/jobs.py",
                '    free_next(connection, row["document_id"])\n    return True',
                "    return True",
            ),
            Edit("app/dispatch/sweep.py", "        self._release_followers(connection)\n", ""),
        ),
        ("Beat killed",),
        faults=2,
    ),
    Mutation(
        "passing-trouble-is-final",
        "trouble of the database that passes is not waited out",
        (
            Edit(
                "docrelay/database.py",
                "            if not may_pass(error):\n",
                "            if not isinstance(error, str):\n",
            ),
        ),
        ("database's disk full", "database ends all connections"),
        faults=8,
        documents=40,
    ),
    Mutation(
        "claim-of-anything",
        "a claim does not ask whether the stage is ready",
        (
            Edit(
                "docrelay/transitions/claims.py",
                "where id = :id and status = 'ready' and due_at <= now()",
                "where id = :id",
            ),
        ),
        ("messages delivered again",),
        faults=3,
    ),
    Mutation(
        "no-event",
        "a stage that succeeds leaves no event",
        (
            Edit(
                OUTCOMES,
                ":worker, coalesce(cast(:result as jsonb), '{}'::jsonb) from closed\n",
                ":worker, coalesce(cast(:result as jsonb), '{}'::jsonb) from closed where false\n",
            ),
        ),
        ("Beat killed",),
        faults=2,
    ),
    Mutation(
        "hints-are-relied-on",
        "the dispatcher looks at the rows only when it was notified",
        (Edit("app/dispatch/pace.py", "IDLE_SECONDS = 0.5\n", "IDLE_SECONDS = 3600.0\n"),),
        # Held up, a stage becomes due in silence; alone, nobody else's hint comes to its help.
        ("object unreadable",),
        faults=1,
        documents=3,
    ),
    Mutation(
        "nobody-is-told",
        "the outcome is committed without its notifications",
        (Edit("docrelay/transitions/deliveries.py", "    if rows:\n        connection.execute(WRITE, rows)\n", ""),),
        ("Beat killed",),
        faults=2,
    ),
    Mutation(
        "away-is-damaged",
        "bytes whose store is away count as damaged",
        (
            Edit(
                "docrelay/contents.py",
                "if not self.holds(MARKER):\n                    raise",
                "if False:\n                    raise",
            ),
        ),
        ("object store away",),
        faults=3,
    ),
)
