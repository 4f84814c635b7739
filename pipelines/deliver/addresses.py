"""Which addresses a notification may go to: those of the public internet, and those that the operator allowed.

A target comes from whoever may submit a document. Without this check it would be a way to make the service knock at
doors that are closed to them: its own loopback, the machines beside it, the cloud's metadata service.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NETWORKS = (
    ("loopback", "127.0.0.0/8 ::1/128"),
    ("unspecified", "0.0.0.0/8 ::/128"),
    ("link-local, where clouds keep their metadata", "169.254.0.0/16 fe80::/10"),
    ("a cloud's metadata or control service", "168.63.129.16/32 100.100.100.200/32 192.0.0.192/32 fd00:ec2::254/128"),
    ("private", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7 fec0::/10"),
    ("shared by a provider's customers", "100.64.0.0/10"),
    ("multicast or broadcast", "224.0.0.0/4 255.255.255.255/32 ff00::/8"),
    ("reserved", "192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4"),
    ("reserved", "100::/64 2001:2::/48 2001:10::/28 2001:20::/28 2001:db8::/32 3fff::/20 5f00::/16"),
    # Both lead to an IPv4 address through somebody's relay; nothing that runs today needs them.
    ("a tunnel (6to4 or Teredo)", "2002::/16 2001::/32"),
    # The local form's length of prefix is the network's own secret, so what it leads to cannot be told.
    ("a local translation to IPv4", "64:ff9b:1::/48"),
)
_FORBIDDEN = tuple((why, ip_network(text)) for why, texts in _NETWORKS for text in texts.split())
_NAT64 = ip_network("64:ff9b::/96")
_COMPATIBLE = ip_network("::/96")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator allows beyond the public internet: networks, and names whatever they resolve to."""

    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, entries: Iterable[str]) -> "Allowed":
        """From addresses, networks (``10.1.0.0/16``) and host names; raises ValueError that names a wrong one."""
        networks: list[Network] = []
        names: set[str] = set()
        for entry in filter(None, (entry.strip() for entry in entries)):
            try:
                networks.append(ip_network(entry))
            except ValueError:
                if "/" in entry or ":" in entry or entry.replace(".", "").isdigit():
                    raise ValueError(
                        f"{entry!r}: expected an address, a network such as 10.1.0.0/16, or a name"
                    ) from None
                names.add(_plain(entry))
        return cls(tuple(networks), frozenset(names))

    def why_not(self, host: str, address: str) -> str | None:
        """Why ``address``, which ``host`` stands for, may not be connected to; None if it may."""
        try:
            parsed = ip_address(address)
        except ValueError:
            return "not an address"
        if _plain(host) in self.names:
            return None
        why = forbidden(parsed)
        meant = _embedded(parsed) or parsed
        if why and any(meant in network or parsed in network for network in self.networks):
            return None
        return why


def forbidden(address: Address) -> str | None:
    """What kind of address it is, if it is not one of the public internet."""
    if isinstance(address, IPv6Address) and address.scope_id:
        return "link-local"
    if (embedded := _embedded(address)) is not None:
        return forbidden(embedded)
    for why, network in _FORBIDDEN:
        if address in network:
            return why
    # Python's own table, for what is assigned later than these lines.
    return None if address.is_global and not address.is_multicast else "not public"


def _embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, compatible, translated (NAT64) or by ISATAP."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    low = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _NAT64:
        return low
    if address in _COMPATIBLE and int(address) > 1:
        return low
    # ISATAP hides it behind an identifier, under any prefix.
    return low if (int(address) >> 32) & 0xFCFFFFFF == 0x00005EFE else None


def _plain(host: str) -> str:
    return host.rstrip(".").lower()
