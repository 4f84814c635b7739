"""Servers for development and tests, started from what the machine has. Never used in production."""
