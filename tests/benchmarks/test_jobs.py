"""The benchmarks run: small counts, and no word about time."""

import json

import pytest

from benchmarks.jobs import OURS, Wanted, measure


def test_jobs_on_the_embedded_stack(capsys: pytest.CaptureFixture[str]) -> None:
    # Enough of them that every server has used some ticks of the processor, of 10 ms each.
    report = measure(Wanted(jobs=60, rounds=1, broker="embedded", warm=False))
    report.show(as_json=True)
    shown = json.loads(capsys.readouterr().out)
    (measured,) = shown["rounds"][OURS]
    assert measured["jobs/s"] > 0
    assert measured["CPU ms/job"] > 0
    assert measured["Postgres"] > 0
