"""Running a document's work in a process that can die.

`process` is the worker's side: it sends a call, watches time, silence and memory while it runs, and kills
the process when a limit is hit. `child` is the other side. `protocol` is what they say to each other.
"""

from app.isolation.process import DocumentProcess, LimitHit, Limits, ProcessDied, WorkRefused

__all__ = ["DocumentProcess", "LimitHit", "Limits", "ProcessDied", "WorkRefused"]
