"""The adapters that there are: ours, and those of other packages, by entry points of the group `waypost.carriers`."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from waypost.booking.issuing import WaybillIssuer
from waypost.carriers.accounts import Account
from waypost.carriers.calling import Caller, Hours
from waypost.carriers.yto import Yto
from waypost.model.errors import SettingsError
from waypost.track.carriers import PushReader, TrackSource

GROUP = "waypost.carriers"


class Evidence(StrEnum):
    """How well it is known how a carrier's operation is called. No live host was asked for any of it."""

    VENDOR = "vendor"  #: by the carrier's own package, document or published example
    TWO_SOURCES = "two sources"  #: by two open clients that agree
    ONE_SOURCE = "one source"  #: by one open client
    UNVERIFIED = "unverified"  #: by nothing that could be checked: sources differ, or it was inferred


class Operation(StrEnum):
    """What a carrier can be asked."""

    BOOK = "book"
    CANCEL = "cancel"
    PRINT = "print"
    TRACK = "track"
    SUBSCRIBE = "subscribe"
    PUSH = "push"


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """How Waypost speaks with a carrier.

    Attributes:
        make: of a caller, the object that answers `WaybillIssuer`, `TrackSource` and `PushReader`, as far as
            `operations` goes.
        settings: what an account needs, and what that is; `secrets` what nobody may see. A setting may be given for one
            interface alone, behind a full stop, where the carrier gives one for each.
        test_url, url: where the carrier's API is.
    """

    carrier: str
    make: Callable[[Caller], Any]
    settings: Mapping[str, str]
    secrets: Mapping[str, str]
    operations: Mapping[Operation, Evidence]
    url: str
    test_url: str = ""
    optional: frozenset[str] = frozenset()


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """An account with the adapter that serves it."""

    account: Account
    adapter: Adapter
    caller: Caller
    issuer: WaybillIssuer | None
    source: TrackSource | None
    reader: PushReader | None


_OURS: tuple[Adapter, ...] = (
    Adapter(
        carrier="yto",
        make=Yto,
        settings={"customer": "customer code (客户编码)", "token": "the six characters in the path of the interface"},
        secrets={"secret": "secret of the interface (客户密钥)"},
        operations={
            Operation.BOOK: Evidence.TWO_SOURCES,
            Operation.CANCEL: Evidence.TWO_SOURCES,
            Operation.PRINT: Evidence.ONE_SOURCE,
            Operation.TRACK: Evidence.TWO_SOURCES,
        },
        url="https://openapi.yto.net.cn:11443/open",
        test_url="https://openuat.yto56test.com:6443/open",
    ),
)


def list_adapters() -> dict[str, Adapter]:
    """By carrier. One from elsewhere takes the place of ours.

    Raises:
        SettingsError: a package names an adapter that cannot be loaded; says which.
    """
    found = {adapter.carrier: adapter for adapter in _OURS}
    for point in entry_points(group=GROUP):
        adapter = _load(point)
        found[adapter.carrier] = adapter
    return found


def open_contract(
    account: Account, hours: Hours | None = None, adapters: Mapping[str, Adapter] | None = None
) -> Contract:
    """An account, ready to be used.

    Raises:
        SettingsError: there is no adapter for its carrier, or the account lacks a setting or has a strange one.
    """
    known = list_adapters() if adapters is None else adapters
    adapter = known.get(account.carrier)
    if adapter is None:
        raise SettingsError(
            f"[accounts.{account.name}] carrier: there is no adapter for {account.carrier!r}",
            mend=f"There are: {', '.join(sorted(known))}.",
        )
    _check(account, adapter)
    caller = Caller(account, hours)
    made, can = adapter.make(caller), adapter.operations
    return Contract(
        account=account,
        adapter=adapter,
        caller=caller,
        issuer=made if Operation.BOOK in can else None,
        source=made if Operation.TRACK in can else None,
        reader=made if Operation.PUSH in can else None,
    )


def _check(account: Account, adapter: Adapter) -> None:
    for told, known, what in (
        (account.settings, adapter.settings, "setting"),
        (account.secrets, adapter.secrets, "secret"),
    ):
        if strange := sorted({name.split(".")[0] for name in told} - known.keys()):
            raise SettingsError(f"[accounts.{account.name}] {strange[0]} is no {what} of {account.carrier}")
        for name, meaning in known.items():
            if (
                name not in told
                and name not in adapter.optional
                and not any(each.startswith(f"{name}.") for each in told)
            ):
                raise SettingsError(f"[accounts.{account.name}] has no {name}: {meaning}")


def _load(point: EntryPoint) -> Adapter:
    try:
        adapter = point.load()
    except Exception as error:
        raise SettingsError(f"the adapter {point.name} of {point.value} cannot be loaded: {error!r}") from error
    if not isinstance(adapter, Adapter):
        raise SettingsError(f"{point.value}, which {point.name} names, is no Adapter")
    return adapter
