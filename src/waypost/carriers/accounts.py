"""Accounts with carriers, as the settings give them. Secrets are kept out of whatever is printed of one."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from waypost.model.errors import SettingsError


class Secret:
    """A text that shows itself only to who asks for it by name."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account.

    Attributes:
        name: as the settings call it; unique.
        carrier: whose.
        url: where its API is: the carrier's real one, its test host, or a fake's.
        settings: what the carrier gave to its customer, by the carrier's names; `secrets` those that nobody may see.
        per_minute: so many calls it allows.
        timeout_s: for one call.
    """

    name: str
    carrier: str
    url: str
    settings: Mapping[str, str] = {}
    secrets: Mapping[str, Secret] = {}
    per_minute: Annotated[int, msgspec.Meta(ge=1)] = 600
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0

    def get(self, name: str, default: str | None = None) -> str:
        """A setting.

        Raises:
            SettingsError: there is none, and no default.
        """
        found = self.settings.get(name, default)
        if found is None:
            raise SettingsError(f"[accounts.{self.name}] has no {name}", mend=f"{self.carrier} gives one to its customers.")
        return found

    def secret(self, name: str = "secret") -> str:
        """A secret.

        Raises:
            SettingsError: there is none.
        """
        if name not in self.secrets:
            raise SettingsError(
                f"[accounts.{self.name}] has no {name}", mend=f"Write it, or the file that holds it as {name}_file."
            )
        return self.secrets[name].text
