"""Where webhooks may lead: to hosts of the public internet, and not back into the network that this server stands in.

An address is looked at twice: as it is written when a merchant gives it, and as what its name leads to each time before
it is connected to. It is connected to the very address that was looked at, so that a name which leads elsewhere the
next moment gains nothing.
"""

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

import msgspec

from waypost.model.errors import BadInput
from waypost.model.texts import has_control

MOST_URL = 2000
#: Ports of `https`, and of `http` where that is allowed; any port where private networks are.
_PORTS = {"https": (443, 8443), "http": (80, 8080)}
_USUAL = {"https": 443, "http": 80}
_MEND = "Give an address of a server of yours on the public internet, as https://example.com/waypost."
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings allow.

    Attributes:
        allow_http: without TLS.
        allow_private: private networks and this machine, and any port.
    """

    allow_http: bool = False
    allow_private: bool = False

    def check_url(self, url: str) -> None:
        """See whether anything may be sent there, as far as that is written in it.

        Raises:
            BadInput: no; says why.
        """
        parts = _split(url)
        schemes = ("https", "http") if self.allow_http else ("https",)
        if parts.scheme not in schemes:
            raise _bad(f"does not begin with {'://, '.join(schemes)}://")
        if parts.username is not None or parts.password is not None:
            raise _bad("has a user name or a password")
        if parts.fragment:
            raise _bad("has a fragment, which is never sent")
        host, port = _host(parts), _port(parts)
        if not self.allow_private:
            if port not in _PORTS[parts.scheme]:
                allowed = " or ".join(str(each) for each in _PORTS[parts.scheme])
                raise _bad(f"has the port {port}, and only {allowed} may be used")
            written = _read_address(host)
            if written is not None and not is_public(written):
                raise _bad("leads into a private network, or to no single host")
            if written is None and ("." not in host.strip(".") or host.rstrip(".").endswith((".localhost", ".local"))):
                raise _bad("has the name of no host on the internet")

    def allow(self, addresses: list[str]) -> list[str]:
        """What a name leads to, or nothing if one of these is where nothing may be sent."""
        found = [ipaddress.ip_address(each.partition("%")[0]) for each in addresses]
        return addresses if self.allow_private or all(is_public(each) for each in found) else []


def is_public(address: Address) -> bool:
    """Whether it is of one host on the public internet; one that wraps another is so if both are."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if wrapped is None and address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(wrapped)
        if address.is_site_local or address.scope_id:
            return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )


def _split(url: str) -> SplitResult:
    if len(url) > MOST_URL:
        raise _bad(f"is longer than {MOST_URL} characters")
    # parsers part ways over these, and one may see another host than the next
    if has_control(url) or any(each in url for each in " \\<>\"'`{}|^") or not url.isascii():
        raise _bad("has characters that no address has")
    try:
        return urlsplit(url)
    except ValueError:
        raise _bad("is none") from None


def _host(parts: SplitResult) -> str:
    host = parts.hostname
    if not host or "%" in host:
        raise _bad("names no host")
    return host.lower()


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError:
        raise _bad("has a port that is none") from None
    return _USUAL[parts.scheme] if port is None else port


def _read_address(host: str) -> Address | None:
    """The address that a host is written as, in any of the ways that resolvers know; None if it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:  # 2130706433, 0x7f.1 and 0177.0.0.1 are 127.0.0.1
        return ipaddress.IPv4Address(socket.inet_aton(host.rstrip(".")))
    except OSError:
        return None


def _bad(why: str) -> BadInput:
    return BadInput(f"the address {why}", where="url", mend=_MEND)
