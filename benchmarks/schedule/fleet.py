"""Only the processes that recurring jobs need, with as many Beats as wanted."""

from collections.abc import Callable
from dataclasses import replace

from app.stack.fleet import Role
from app.stack.whole import Plan

ROLES = ("dispatch", "recur", "beat")


def with_beats(count: int, *others: str) -> Callable[[Plan], Plan]:
    """Dispatcher, recur worker and so many Beats; and other roles, by name."""

    def planned(plan: Plan) -> Plan:
        roles = [role for role in plan.roles if role.name in (*ROLES, *others)]
        (beat,) = [role for role in roles if role.name == "beat"]
        roles += [Role(f"beat-{number}", beat.argv, beat.purpose) for number in range(2, count + 1)]
        if not count:
            roles.remove(beat)
        return replace(plan, roles=roles)

    return planned
