"""What may happen to Beats, to their clock and to their file, drawn by chance."""

import random
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Mishap(StrEnum):
    """One of them."""

    KILL = "one Beat is killed"
    KILL_LEADER = "the leader is killed within its round"
    STOP = "one Beat is stopped"
    FREEZE = "the leader freezes, and goes on later"
    OUTAGE = "all Beats are killed, and stay away"
    BACK = "the clock is put back"
    SPOIL = "the file is spoilt, and mended later"


WEIGHTS = {
    Mishap.KILL: 6,
    Mishap.KILL_LEADER: 12,
    Mishap.STOP: 5,
    Mishap.FREEZE: 2,
    Mishap.OUTAGE: 4,
    Mishap.BACK: 4,
    Mishap.SPOIL: 2,
}

AWAY = {
    timedelta(minutes=1): 4,
    timedelta(hours=1): 4,
    timedelta(hours=5): 3,
    timedelta(days=1): 1,
    timedelta(days=3): 0.5,
}
BACK = (timedelta(minutes=1), timedelta(minutes=45), timedelta(hours=3))


@dataclass(slots=True)
class Chance:
    """When what happens."""

    random: random.Random
    steps: int
    """In how many steps"""
    mishaps: int
    """so many happen, about."""
    happened: dict[Mishap, int] = field(default_factory=dict)

    def next(self) -> Mishap | None:
        """What happens in this step, if anything."""
        if self.random.random() >= self.mishaps / self.steps:
            return None
        (drawn,) = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        self.happened[drawn] = self.happened.get(drawn, 0) + 1
        return drawn

    def away(self) -> timedelta:
        """How long a Beat stays away."""
        (drawn,) = self.random.choices(list(AWAY), list(AWAY.values()))
        return drawn

    def back(self) -> timedelta:
        """How far the clock is put back."""
        return self.random.choice(BACK)

    def late(self) -> timedelta:
        """How late a round comes after a due time."""
        return timedelta(seconds=self.random.uniform(0, 20))
