from pathlib import Path
from typing import Any

import pytest

from waypost.carriers.accounts import Account, Secret, read_account
from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.adapters import list_adapters, open_contract
from waypost.carriers.calling import Caller
from waypost.model.errors import SettingsError

HIDDEN = "nobody-may-see-this"
SECRETS = frozenset({"secret", "hmac_key"})


def read(**values: Any) -> Account:
    return read_account("main", {"carrier": "yto", "url": "https://localhost/open", **values}, SECRETS)


def test_an_account_says_what_it_was_given() -> None:
    account = read(customer="K1", token="aaaaaa", secret=HIDDEN, per_minute=60, timeout_s=2.5)
    assert (account.name, account.carrier, account.url) == ("main", "yto", "https://localhost/open")
    assert (account.per_minute, account.timeout_s) == (60, 2.5)
    assert account.get("customer") == "K1"
    assert account.get("nothing", "else") == "else"
    assert account.secret() == HIDDEN


def test_an_interface_may_have_a_setting_of_its_own() -> None:
    account = read(**{"token": "aaaaaa", "token.track": "bbbbbb", "secret": HIDDEN, "secret.track": "other"})
    assert account.get("token", interface="track") == "bbbbbb"
    assert account.get("token", interface="book") == "aaaaaa"
    assert account.secret(interface="track") == "other"
    assert account.secret(interface="book") == HIDDEN


def test_no_secret_is_ever_shown() -> None:
    account = read(**{"customer": "K1", "secret": HIDDEN, "secret.track": HIDDEN, "hmac_key": HIDDEN})
    shown = [repr(account), str(account), f"{account}", repr(account.secrets), str(account.secrets["secret"])]
    shown += [f"{account.secrets['secret']!s}", repr(vars(Secret).keys())]
    assert not any(HIDDEN in text for text in shown)
    assert "secret" not in account.settings


@pytest.mark.parametrize(
    "values",
    [
        {"secret": HIDDEN, "per_minute": 0},
        {"secret": HIDDEN, "timeout_s": "never"},
        {"secret": HIDDEN, "url": 7},
        {"secret": [HIDDEN]},
        {"secret": HIDDEN, "customer": 7},
        {"secret": HIDDEN, "customer": ""},
    ],
)
def test_no_error_shows_a_secret(values: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        read(**values)
    assert HIDDEN not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "[accounts.main]" in str(caught.value)


def test_a_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{HIDDEN}\n", "utf-8")
    account = read(**{"secret_file": str(file), "secret.track_file": str(file)})
    assert account.secret() == HIDDEN
    assert account.secret(interface="track") == HIDDEN
    assert HIDDEN not in repr(account)
    assert str(file) not in repr(account)


def test_a_file_that_cannot_be_read_is_named_and_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"secret_file.*absent"):
        read(secret_file=str(tmp_path / "absent"))
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff" + HIDDEN.encode())
    with pytest.raises(SettingsError) as caught:
        read(secret_file=str(binary))
    assert HIDDEN not in str(caught.value)
    for strange in ("~nobody-of-that-name/x", "/tmp/a\0b"):
        with pytest.raises(SettingsError, match="secret_file"):
            read(secret_file=strange)


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_file_is_no_secret(tmp_path: Path, text: str) -> None:
    """With it anybody could sign."""
    (tmp_path / "secret").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match="is empty"):
        read(secret_file=str(tmp_path / "secret"))


def test_a_secret_that_is_given_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(HIDDEN, "utf-8")
    with pytest.raises(SettingsError, match="one of them is enough") as caught:
        read(secret="another", secret_file=str(tmp_path / "secret"))
    assert HIDDEN not in str(caught.value)


def test_a_setting_of_a_file_is_no_secret_of_another() -> None:
    """Only secrets may be files: a setting that ends so is a setting."""
    assert read(price_file="prices.csv").get("price_file") == "prices.csv"


@pytest.mark.parametrize("name", ["", "Main", "a b", "-a", "a" * 65, "a.b"])
def test_strange_names_are_refused(name: str) -> None:
    with pytest.raises(SettingsError, match="a name has"):
        read_account(name, {"carrier": "yto", "url": "x"}, SECRETS)


@pytest.mark.parametrize("missing", ["carrier"])
def test_what_is_missing_is_named(missing: str) -> None:
    values = {"carrier": "yto", "url": "x"}
    del values[missing]
    with pytest.raises(SettingsError, match=missing):
        read_account("main", values, SECRETS)


def test_a_missing_setting_is_told_when_it_is_wanted() -> None:
    account = read()
    with pytest.raises(SettingsError, match="has no customer"):
        account.get("customer")
    with pytest.raises(SettingsError, match=r"has no secret.*secret_file"):
        account.secret()


class Silent:
    """Speaks for YTO, and says nothing."""

    carrier = "yto"

    def __init__(self, caller: Caller) -> None:
        self.caller = caller


ADAPTER = Adapter(
    carrier="yto",
    make=Silent,
    settings={"customer": "customer code", "token": "of the path", "later": "may be missing"},
    secrets={"secret": "of the interface"},
    optional=frozenset({"later"}),
    operations={Operation.TRACK: Evidence.UNVERIFIED},
    url="https://localhost",
)
GOOD = {"customer": "K1", "token": "aaaaaa", "secret": HIDDEN}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"custmer": "K1"}, "custmer is no setting of yto"),
        ({"custmer.track": "K1"}, "custmer is no setting of yto"),
        ({"hmac_key": HIDDEN}, "hmac_key is no secret of yto"),
        ({"token": None}, "has no token: of the path"),
        ({"secret": None}, "has no secret: of the interface"),
    ],
)
def test_strange_and_missing_settings_are_refused(change: dict[str, Any], why: str) -> None:
    values = {name: value for name, value in (GOOD | change).items() if value is not None}
    with pytest.raises(SettingsError, match=why) as caught:
        open_contract(read(**values), adapters={"yto": ADAPTER})
    assert HIDDEN not in str(caught.value)


def test_a_setting_for_single_interfaces_alone_is_enough() -> None:
    values = {**GOOD, "token.track": "bbbbbb"}
    del values["token"]
    contract = open_contract(read(**values), adapters={"yto": ADAPTER})
    assert contract.issuer is None
    assert contract.reader is None
    assert contract.labels is None
    assert contract.source is not None
    contract.caller.close()


def test_a_carrier_without_an_adapter_is_told_with_those_that_have_one() -> None:
    with pytest.raises(SettingsError, match=r"no adapter for 'yto'.*There are: zto"):
        open_contract(read(**GOOD), adapters={"zto": ADAPTER})


def test_an_account_and_its_adapter_are_of_one_carrier() -> None:
    values = {"carrier": "sto", "adapter": "zto", "url": "x", "app_key": "K", "app_secret": HIDDEN}
    account = read_account("parcels", values, frozenset(list_adapters()["zto"].secrets))
    with pytest.raises(
        SettingsError, match=r"accounts\.parcels.*carrier is 'sto', the adapter zto for zto.*carrier = \"zto"
    ):
        open_contract(account)


def test_every_adapter_says_what_its_settings_are() -> None:
    for carrier, adapter in list_adapters().items():
        assert adapter.carrier == carrier
        assert adapter.optional <= adapter.settings.keys() | adapter.secrets.keys()
        assert not adapter.settings.keys() & adapter.secrets.keys()
        assert all(adapter.settings.values())
        assert all(adapter.secrets.values())


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"digest": "md4"}, "digest has to be one of md5, sha256, hmac_sha256"),
        ({"digest": "hmac_sha256"}, "has no hmac_key"),
        ({"base64": "yes"}, 'base64 has to be "true" or "false"'),
    ],
)
def test_zto_refuses_strange_ways_to_sign(settings: dict[str, str], why: str) -> None:
    values = {"carrier": "zto", "url": "x", "app_key": "K", "app_secret": HIDDEN, **settings}
    adapter = list_adapters()["zto"]
    with pytest.raises(SettingsError, match=why):
        open_contract(read_account("z", values, frozenset(adapter.secrets)), adapters={"zto": adapter})
