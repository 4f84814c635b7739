"""The whole service on one machine: what `up`, the demo, tests and benchmarks run.

`fleet` is the table of its commands, `supervisor` keeps them running (`keeper` one, `guard` leaves nothing behind),
`embedded` is Postgres from a wheel, `home` the folder where everything is kept, `console` shows the lines, `whole` puts
it all together.
"""
