"""Webhooks lead to the public internet, however an address is written and whatever its name leads to."""

import ipaddress

import pytest

from waypost.model.errors import BadInput
from waypost.web.destinations import MOST_URL, Places, is_public

PUBLIC = Places()
PRIVATE = Places(allow_http=True, allow_private=True)

GOOD = [
    "https://example.com/hook",
    "https://example.com:443/hook?token=1",
    "https://example.com:8443",
    "https://xn--bcher-kva.example/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]/",
]
HOSTILE = [
    "https://127.0.0.1/",
    "https://127.0.0.1./",
    "https://127.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://10.0.0.1/",
    "https://172.16.9.9/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::]/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://api.localhost/",
    "https://printer.local/",
    "https://intranet/",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://example.com@127.0.0.1/",
    "https://:@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https://127.0.0.1\\.example.com/",
    "https://example.com#@127.0.0.1/",
    "https://example.com:22/",
    "https://example.com:6379/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:x/",
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "//example.com/",
    "example.com",
    "https:///hook",
    "https://",
    "",
    "https://exa mple.com/",
    "https://example.com/a b",
    "https://example.com/\r\nhost: 127.0.0.1",
    "https://example.com/\x00",
    "\thttps://example.com/",
    "https://①②⑦.⓪.⓪.①/",
    "https://example。com/",
    "https://[::1/",
    "https://%31%32%37.0.0.1/",
    "https://example.com/" + "a" * MOST_URL,
]


@pytest.mark.parametrize("url", GOOD)
def test_hosts_of_the_public_internet_are_told(url: str) -> None:
    PUBLIC.check_url(url)


@pytest.mark.parametrize("url", HOSTILE)
def test_what_leads_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(BadInput) as error:
        PUBLIC.check_url(url)
    assert error.value.where == "url"
    assert error.value.mend


@pytest.mark.parametrize("url", ["http://127.0.0.1:8123/", "https://10.0.0.1/", "http://localhost:9/"])
def test_settings_may_allow_more(url: str) -> None:
    PRIVATE.check_url(url)
    with pytest.raises(BadInput):
        PUBLIC.check_url(url)


def test_http_is_another_setting() -> None:
    Places(allow_http=True).check_url("http://example.com/")
    with pytest.raises(BadInput, match="private"):
        Places(allow_http=True).check_url("http://127.0.0.1/")
    with pytest.raises(BadInput, match="https"):
        Places(allow_private=True).check_url("http://127.0.0.1/")
    for places in (PUBLIC, PRIVATE):
        with pytest.raises(BadInput, match="password"):
            places.check_url("https://me:secret@example.com/")


@pytest.mark.parametrize(
    ("addresses", "is_allowed"),
    [
        (["93.184.215.14"], True),
        (["2606:2800:21f::1", "93.184.215.14"], True),
        (["127.0.0.1"], False),
        (["93.184.215.14", "10.0.0.1"], False),
        (["::ffff:169.254.169.254"], False),
        (["fe80::1%eth0"], False),
    ],
)
def test_a_name_is_what_it_leads_to(addresses: list[str], is_allowed: bool) -> None:
    assert PUBLIC.allow(addresses) == (addresses if is_allowed else [])
    assert PRIVATE.allow(addresses) == addresses


def test_no_special_network_is_public() -> None:
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        *("224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "::ffff:0:0/104", "100::/64", "2001:db8::/32"),
        *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    ):
        found = ipaddress.ip_network(network)
        assert not is_public(found[0]), network
        assert not is_public(found[-1]), network
