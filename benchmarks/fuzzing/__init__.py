"""Documents broken on purpose, each through a real document process."""
