"""Who is asking: the client's address, seen through proxies that are trusted and through no others."""

import ipaddress
from collections.abc import Sequence

from waypost.model.errors import SettingsError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(texts: Sequence[str]) -> list[Network]:
    """Networks from addresses or CIDR texts.

    Raises:
        SettingsError: one of them is neither.
    """
    networks = []
    for text in texts:
        try:
            networks.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            raise SettingsError(
                f"trusted_proxies: {text!r} is no address and no network",
                mend="Write addresses or CIDR networks, e.g. 10.0.0.0/8.",
            ) from None
    return networks


def client_of(peer: str | None, forwarded_for: str, trusted: Sequence[Network]) -> Address | None:
    """The address of the client.

    `X-Forwarded-For` is read from the right for as long as whoever wrote an entry is trusted: everything further left
    may be made up. None if the peer has no address (a Unix socket).
    """
    client = _parse(peer or "")
    if client is None:
        return None
    for text in reversed(forwarded_for.split(",")):
        if not is_trusted(client, trusted):
            break
        before = _parse(text.strip())
        if before is None:
            break
        client = before
    return client


def is_trusted(address: Address | None, trusted: Sequence[Network]) -> bool:
    """Whether an address is one of the trusted proxies."""
    return address is not None and any(address in network for network in trusted)


def rate_name(address: Address | None) -> str:
    """Under which name an address has its bucket: one customer has a whole IPv6 /64."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def journal_name(address: Address | None) -> str:
    """What of an address is written down: not enough to tell one person from the neighbours."""
    if address is None:
        return "local"
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
