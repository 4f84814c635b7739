"""The work: parse, chunk, embed and deliver as functions from values to values.

Nothing here knows of jobs, queues, tables or settings. What a pipeline is made of is in ``registry``; what can go wrong
is in ``errors``.
"""

from pipelines.registry import PIPELINES, StageSpec

__all__ = ["PIPELINES", "StageSpec"]
