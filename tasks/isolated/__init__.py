"""What runs in document processes: the pure functions, by the names that workers call."""
