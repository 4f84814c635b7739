"""What the service costs, measured beside the plainest programs that do the same work.

`python -m benchmarks --help` says what can be measured; docs/performance.md says what came out and what
it means. Sides are measured in turns within one call, so that a busy machine disturbs all of them alike.
"""
