import pytest

from waypost.model.errors import SettingsError
from waypost.web.addresses import client_of, is_trusted, journal_name, parse_networks, rate_name

TRUSTED = parse_networks(["10.0.0.0/8", "2001:db8::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "1.2.3.4", "203.0.113.7"),  # whoever is not trusted may write what it likes
        ("10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.9", "198.51.100.9"),  # the left one is the client's own word
        ("10.0.0.1", "1.1.1.1, 198.51.100.9, 10.2.3.4", "198.51.100.9"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("2001:db8::1", "2001:db8:5::9", "2001:db8:5::9"),
        (None, "1.2.3.4", "None"),
        ("unix:", "1.2.3.4", "None"),
    ],
)
def test_the_client_is_seen_through_trusted_proxies_only(peer: str | None, forwarded: str, client: str) -> None:
    assert str(client_of(peer, forwarded, TRUSTED)) == client


def test_nobody_is_trusted_by_default() -> None:
    assert not is_trusted(client_of("127.0.0.1", "", []), [])


def test_one_bucket_for_a_whole_ipv6_network() -> None:
    names = {rate_name(client_of(address, "", [])) for address in ("2001:db8::1", "2001:db8::ffff:1")}
    assert names == {"2001:db8::/64"}
    assert rate_name(client_of("203.0.113.7", "", [])) == "203.0.113.7"


def test_the_journal_gets_no_whole_address() -> None:
    assert journal_name(client_of("203.0.113.7", "", [])) == "203.0.113.0/24"
    assert journal_name(client_of("2001:db8:1:2::3", "", [])) == "2001:db8:1::/48"
    assert journal_name(None) == "local"


def test_a_wrong_network_is_named() -> None:
    with pytest.raises(SettingsError, match=r"trusted_proxies: 'proxy.example' is no address"):
        parse_networks(["proxy.example"])
