"""Recurring jobs: what the file says, when each is due, and what became of every due time.

`entries` reads config/schedule.toml, `times` computes due times, `deciding` says what becomes of them, `firing` writes
that and makes the jobs, `leader` lets one Beat of several do so, `beat` is Celery's side. `recurring` is what a task of
one's own is registered with.
"""
