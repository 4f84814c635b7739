"""The fault harness: a whole service is broken on purpose, at random moments, and must lose nothing.

`python -m chaos --help`; what it promises and what it found is in docs/reliability.md.
"""
