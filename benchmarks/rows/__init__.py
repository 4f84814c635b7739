"""What the service's own questions cost in tables of a million jobs."""
