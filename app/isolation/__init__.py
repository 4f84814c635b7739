"""Running a document's work in a process that can die.

`process` is the worker's side: it sends a call, watches time, silence and memory while it runs, and kills
the process when a limit is hit. `child` is the other side. `protocol` is what they say to each other. `evidence` is
what is kept of a call that went wrong.
"""

from app.isolation.process import CallFailed, DocumentProcess, LimitHit, Limits, NotReady, ProcessDied, WorkRefused

__all__ = ["CallFailed", "DocumentProcess", "LimitHit", "Limits", "NotReady", "ProcessDied", "WorkRefused"]
