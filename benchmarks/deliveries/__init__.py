"""Thousands of notifications to receivers that misbehave, while the service is broken."""
