"""Accounts with carriers, as the settings give them. Secrets are kept out of whatever is printed of one."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from waypost.model.decoding import convert
from waypost.model.errors import SettingsError


class Secret:
    """A text that shows itself only to who asks for it by name."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What every account has, whichever carrier it is with."""

    carrier: str
    adapter: str = ""
    url: str = ""
    folder: str = ""
    pool: str = ""
    per_minute: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 600
    polls_per_hour: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 60
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    patience_s: Annotated[float, msgspec.Meta(ge=0, le=240)] = 30.0


class Account(Terms, frozen=True, kw_only=True):
    """One account.

    Attributes:
        name: as the settings call it; unique.
        carrier: whose.
        adapter: how it is spoken with, where that is not by the carrier's own name.
        url: where its API is: the carrier's real one, its test host, or a fake's; "" where it has none.
        folder: where it puts files of scans, to be watched; "" for none.
        pool: of which its waybill numbers come, where it is not asked for them; "" for none.
        settings: what the carrier gave to its customer, by the carrier's names; `secrets` those that nobody may see.
        per_minute: so many calls it allows.
        polls_per_hour: so many of them may ask after parcels of which no scan is pushed; 0 for none.
        timeout_s: for one try, from connecting to the last byte.
        patience_s: how long a call waits for its turn and for other tries before it is given up.
    """

    name: str
    settings: Mapping[str, str] = {}
    secrets: Mapping[str, Secret] = {}

    def get(self, name: str, default: str | None = None, *, interface: str = "") -> str:
        """A setting; that of one interface alone if there is one.

        Raises:
            SettingsError: there is none, and no default.
        """
        found = self.settings.get(f"{name}.{interface}", self.settings.get(name, default))
        if found is None:
            raise SettingsError(
                f"[accounts.{self.name}] has no {name}", mend=f"{self.carrier} gives one to its customers."
            )
        return found

    def secret(self, name: str = "secret", *, interface: str = "") -> str:
        """A secret; that of one interface alone if there is one.

        Raises:
            SettingsError: there is none.
        """
        found = self.secrets.get(f"{name}.{interface}", self.secrets.get(name))
        if found is None:
            raise SettingsError(
                f"[accounts.{self.name}] has no {name}", mend=f"Write it, or the file that holds it as {name}_file."
            )
        return found.text


_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_OWN = Terms.__struct_fields__
_FILE = "_file"


def read_account(name: str, values: Mapping[str, Any], secrets: frozenset[str]) -> Account:
    """An account as the settings write it: `[accounts.NAME]`.

    Args:
        secrets: which settings of its carrier nobody may see. Such a one may be given as a file that holds it, under
            its name and `_file`; settings for one interface stand under name, full stop and interface.

    Raises:
        SettingsError: says which setting is wrong, and never what it holds.
    """
    where = f"[accounts.{name[:70]}]"
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{where}: a name has up to 64 of a-z, 0-9, _ and -")
    own = {key: value for key, value in values.items() if key in _OWN}
    open_, hidden = {}, {}
    for key, value in values.items():
        if key in _OWN:
            continue
        plain = key.removesuffix(_FILE)
        if not isinstance(value, str) or not value:
            raise SettingsError(f"{where} {key} has to be a text")
        if key != plain and plain in values:
            raise SettingsError(f"{where} has {plain} and {key}: one of them is enough")
        if plain.split(".")[0] not in secrets:
            open_[key] = value
        elif key.endswith(_FILE):
            hidden[plain] = Secret(read_secret(value, f"{where} {key}"))
        else:
            hidden[key] = Secret(value)
    try:
        terms = convert(own, Terms, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{where}: {error}") from None
    return Account(name=name, settings=open_, secrets=hidden, **msgspec.structs.asdict(terms))


def read_secret(file: str, where: str) -> str:
    """A secret that stands in a file of its own.

    Args:
        where: the setting that names the file.

    Raises:
        SettingsError: it cannot be read, or is empty.
    """
    try:
        secret = Path(file).expanduser().read_text("utf-8").strip()
    except (OSError, RuntimeError, ValueError) as error:  # no such file, or user; a name that none has; no text
        raise SettingsError(f"{where}: {file} cannot be read: {error}") from None
    if not secret:  # with it anybody could sign
        raise SettingsError(f"{where}: {file} is empty")
    return secret
