"""A second host: a network namespace whose lines to the servers can be cut, in silence."""

import contextlib
import ipaddress
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from chaos.machine import command
from chaos.target import NotInjected, Target, until

NETWORK = ipaddress.ip_network("198.18.0.0/15")
"""Set aside by RFC 2544 for tests of machines like this one."""

NOBODY = "02:00:00:00:00:01"
"""A hardware address that no interface has: what is sent to it is dropped, and nobody is told."""


@dataclass(slots=True)
class Link:
    """A line between a namespace and this machine, with an address at each end."""

    namespace: str
    name: str
    here: str
    there: str

    def make(self) -> None:
        """Lay it."""
        ours, theirs = f"{self.name}0", f"{self.name}1"
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", self.namespace)
        _ip("address", "add", f"{self.here}/30", "dev", ours)
        _ip("link", "set", ours, "up")
        _ip("-n", self.namespace, "address", "add", f"{self.there}/30", "dev", theirs)
        _ip("-n", self.namespace, "link", "set", theirs, "up")

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """Drop everything, in both directions."""
        theirs = ("-n", self.namespace, "neighbour")
        _ip("neighbour", "replace", self.there, "lladdr", NOBODY, "nud", "permanent", "dev", f"{self.name}0")
        _ip(*theirs, "replace", self.here, "lladdr", NOBODY, "nud", "permanent", "dev", f"{self.name}1")
        try:
            yield
        finally:
            _ip("neighbour", "del", self.there, "dev", f"{self.name}0")
            _ip(*theirs, "del", self.here, "dev", f"{self.name}1")

    def answers(self, port: int) -> bool:
        """Whether somebody there can connect to us.

        Raises:
            NotInjected: it was refused: a line that is cut says nothing.
        """
        look = ["ip", "netns", "exec", self.namespace, "timeout", "2", "bash", "-c", f"</dev/tcp/{self.here}/{port}"]
        status = subprocess.run(look, capture_output=True, check=False).returncode
        if status not in (0, 124):
            raise NotInjected(f"connecting to {self.here} ended with status {status}, not in silence")
        return status == 0


@dataclass(slots=True)
class Namespace:
    """A network of its own with one line to the database and one to the broker; a context manager."""

    name: str = field(default_factory=lambda: f"docrelay-chaos-{os.getpid()}")
    links: dict[str, Link] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    """Where the database and the broker listen on their line."""

    def __enter__(self) -> Self:
        """Make it.

        Raises:
            NotPossible: that takes root, and `ip` of iproute2.
        """
        first = int(NETWORK.network_address) + os.getpid() * 8 % NETWORK.num_addresses
        _ip("netns", "add", self.name)
        try:
            _ip("-n", self.name, "link", "set", "lo", "up")
            for place, what in enumerate(("database", "broker")):
                here, there = (str(ipaddress.ip_address(first + 4 * place + end)) for end in (1, 2))
                link = Link(self.name, f"dr{os.getpid():x}{what[0]}", here, there)
                self.links[what] = link
                link.make()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it with its lines."""
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)
        for link in self.links.values():
            subprocess.run(["ip", "link", "del", f"{link.name}0"], capture_output=True, check=False)

    def within(self) -> tuple[str, ...]:
        """The words before a command that make it run there."""
        return ("ip", "netns", "exec", self.name)


def _ip(*words: str) -> str:
    return command("network", "ip", *words)


def cut_off(target: Target, from_what: Sequence[str]) -> str:
    """The second host is cut off for longer than a lease, in silence, while one of its workers holds a stage."""
    host = target.second_host
    network = host.network
    look = "select id, lease_token from stage_runs where status = 'running' and split_part(worker, ':', 2) = any(%s)"
    with contextlib.ExitStack() as cut:
        pids = [str(pid) for pid in host.pids(target.stack)]

        def at_work() -> tuple[object, ...] | None:
            return next(iter(target.rows(look, pids)), None)

        stage, token = target.fed_until(at_work, 30, "the second host was not at work")
        for what in from_what:
            cut.enter_context(network.links[what].cut())
        begun = time.monotonic()
        for what, link in network.links.items():
            if link.answers(network.ports[what]) is (what in from_what):
                raise NotInjected(f"the line to the {what} was {'not ' if what in from_what else ''}cut")
        longer = target.timing.lease + target.timing.sweep + target.dice.uniform(0.5, 2.0)
        time.sleep(max(0.0, begun + longer - time.monotonic()))
        held = target.rows("select 1 from stage_runs where id = %s and lease_token = %s", stage, token)
        if held and "database" in from_what and not _closing(target, stage):
            raise NotInjected("a stage was not taken from the host that could not renew its lease")
    for what in from_what:
        until(lambda what=what: network.links[what].answers(network.ports[what]), 30, "not healed")  # type: ignore[misc]
    return f"cut off for {longer:.1f} s{'' if held else ', a stage was taken from it or over'}"


def slow_lines(target: Target) -> str:
    """All that the second host sends and gets is late, for longer than a lease; it must go on with what it can."""
    host = target.second_host
    seconds = target.dice.uniform(0.05, 0.3)
    with contextlib.ExitStack() as slow:
        for what, relay in host.relays.items():
            slow.enter_context(relay.slow(host.network.ports[what], seconds))
        begun, late = time.monotonic(), {what: relay.late for what, relay in host.relays.items()}
        longer = target.timing.lease + target.timing.sweep + target.dice.uniform(0.5, 2.0)
        look = "select count(*) from attempts where pid = any(%s) and started_at >= %s"
        (since,) = target.rows("select now()")[0]
        pids = host.pids(target.stack)
        attempts = target.fed_until(lambda: target.rows(look, pids, since)[0][0], 30, "it began no stage while slow")
        time.sleep(max(0.0, begun + longer - time.monotonic()))
        pieces = {what: relay.late - late[what] for what, relay in host.relays.items()}
    if not all(pieces.values()):
        raise NotInjected(f"nothing was late on one of its lines: {pieces}")
    return f"each piece {seconds:.2f} s late, {sum(pieces.values())} of them; it began {attempts} stages meanwhile"


def _closing(target: Target, stage: object) -> bool:
    """Whether the server still waits for the cut-off host in the middle of a transaction on the stage."""
    return not target.rows("select 1 from stage_runs where id = %s for update skip locked", stage)
