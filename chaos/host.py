"""The second host: the twins of some roles, on a network and with a wall clock of their own."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from app.stack.fleet import Role
from app.stack.whole import Stack
from chaos.clock import Clock
from chaos.network import Namespace
from chaos.proxy import Proxy
from chaos.target import TWIN, NotInjected


@dataclass(frozen=True, slots=True)
class SecondHost:
    """What can go wrong with it; a part that was left out cannot."""

    _network: Namespace | None
    _clock: Clock | None
    environment: dict[str, str]
    relays: dict[str, Proxy]
    """What its lines to the database and the broker end in."""

    @property
    def network(self) -> Namespace:
        """Its lines to the servers."""
        if self._network is None:
            raise NotInjected("this run has no network namespace")
        return self._network

    @property
    def clock(self) -> Clock:
        """Its wall clock."""
        if self._clock is None:
            raise NotInjected("this run has no clock that can be wrong")
        return self._clock

    def pids(self, stack: Stack) -> list[int]:
        """Its processes that run just now."""
        return [pid for name, pid in stack.supervisor.pids().items() if pid and name.endswith(TWIN)]

    def moved_here(self, role: Role) -> Role:
        """The role as it is started on this host."""
        within = self._network.within() if self._network else ()
        words = [f"{name}={value}" for name, value in self.environment.items()]
        return replace(role, argv=(*within, "env", *words, *role.argv))


@contextmanager
def second_host(
    folder: Path, *, database_url: str, broker_url: str, database: Proxy, without: tuple[str, ...]
) -> Iterator[SecondHost]:
    """Make it; its processes reach the database and the broker through relays at its lines.

    Raises:
        NotPossible: this machine does not let us, and it was not left out.
    """
    with ExitStack() as cleanup:
        clock = None if "clock" in without else Clock(folder)
        environment = dict(clock.environment) if clock else {}
        network, relays = None, {}
        if "network" not in without:
            network = cleanup.enter_context(Namespace())
            broker = cleanup.enter_context(Proxy(urlsplit(broker_url).port or 5672))
            for what, relay, url in (("database", database, database_url), ("broker", broker, broker_url)):
                address, here = network.links[what].here, urlsplit(url)
                relays[what] = relay
                port = network.ports[what] = relay.listen(address)
                moved = url.replace(f"@{here.hostname}:{here.port}", f"@{address}:{port}", 1)
                environment[f"DOCRELAY_{what.upper()}_URL"] = moved
        yield SecondHost(network, clock, environment, relays)
