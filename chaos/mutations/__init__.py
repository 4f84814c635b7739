"""Deliberate breaks of the service's rules, each in a copy of the code: the harness must notice every one."""
