"""Connecting to an address that was checked: the name is looked up once, and what was looked up is what is used."""

import asyncio
import socket
from collections.abc import Iterable

import httpcore

from pipelines.deliver.addresses import Allowed

MOST_ADDRESSES = 4
"""A name with hundreds of addresses must not become hundreds of connections."""


class Blocked(Exception):  # noqa: N818
    """The target stands for an address that notifications may not go to."""


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore, which goes on to use the target's name for TLS and in the Host header."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._addresses(host, port)
        for number, address in enumerate(addresses, 1):
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    async def _addresses(self, host: str, port: int) -> list[str]:
        """The host's addresses, all of them allowed.

        One that is not refuses all: a name that stands for a public and a private address is no accident.
        """
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"its name is not known: {error.strerror or error}") from error
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        for address in addresses:
            why = self._allowed.why_not(host, address)
            if why:
                raise Blocked(f"{host} is {address}, {why}" if host != address else f"{host} is {why}")
        return addresses[:MOST_ADDRESSES]
