"""Two rankings become one."""

from collections.abc import Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

RANK_CONSTANT = 60
"""Cormack, Clarke and Büttcher, Reciprocal Rank Fusion, SIGIR 2009: how little the very first ranks count more."""


def fuse(*rankings: Sequence[Item]) -> list[tuple[Item, float]]:
    """Items by the sum of 1 / (60 + rank) over the rankings that hold them, best first.

    Scores are scaled so that the first of all rankings has 1. Equal ones keep the order of the first ranking.
    """
    scores: dict[Item, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + (RANK_CONSTANT + 1) / (RANK_CONSTANT + rank) / len(rankings)
    return sorted(scores.items(), key=lambda pair: -pair[1])
