"""A simulated month: real Beat processes, killed, stopped, frozen and started at random, by a clock of ours.

`clock` is the time that Beats see, `entries` what is due, `almanac` when, computed apart from the service. `beats` and
`mishaps` are what happens to them, `run` drives it all, `judge` compares the ledger with the almanac.
"""
