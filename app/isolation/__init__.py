"""Running a document's work in a process that can die.

`process` is the worker's side: it starts, calls and kills. `exchange` is one call, during which time, silence, memory
and more are watched. `child` is the other side, `warden` the small process between both that lets nobody get away,
`family` how all that was started is found, `scratch` the folder for temporary files. `protocol` is what they say to
each other, `failures` how a call can end without a value, `evidence` what is kept of such a call.
"""

from app.isolation.exchange import Watch
from app.isolation.failures import (
    AnswerGarbled,
    CallFailed,
    Exceeded,
    LimitHit,
    NotReady,
    ProcessDied,
    WorkRefused,
)
from app.isolation.limits import Limits
from app.isolation.process import DocumentProcess

__all__ = [
    "AnswerGarbled",
    "CallFailed",
    "DocumentProcess",
    "Exceeded",
    "LimitHit",
    "Limits",
    "NotReady",
    "ProcessDied",
    "Watch",
    "WorkRefused",
]
