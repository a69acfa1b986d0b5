"""The adapters that there are: ours, and those of other packages, by entry points of the group `waypost.carriers`."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points

import msgspec

from waypost.booking.issuing import LabelReader, WaybillIssuer
from waypost.booking.pickups import PickupIssuer
from waypost.booking.rating.asking import RateSource
from waypost.carriers import best, cainiao, correios, jt, karrio, neutral, sf, sto, usps, yto, yunda, zto
from waypost.carriers.accounts import Account
from waypost.carriers.adapter import Adapter, Operation
from waypost.carriers.calling import Caller, Hours
from waypost.model.errors import SettingsError
from waypost.track.carriers import PushReader, TrackSource

GROUP = "waypost.carriers"


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """An account with the adapter that serves it."""

    account: Account
    adapter: Adapter
    caller: Caller
    issuer: WaybillIssuer | None
    rates: RateSource | None
    pickups: PickupIssuer | None
    source: TrackSource | None
    reader: PushReader | None
    labels: LabelReader | None


_OURS: tuple[Adapter, ...] = (
    yto.ADAPTER,
    zto.ADAPTER,
    sto.ADAPTER,
    yunda.ADAPTER,
    usps.ADAPTER,
    correios.ADAPTER,
    sf.ADAPTER,
    best.ADAPTER,
    cainiao.ADAPTER,
    jt.ADAPTER,
    *karrio.ADAPTERS,
    neutral.ADAPTER,
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
        SettingsError: there is no adapter for its carrier, or the account lacks a setting or has a strange one, or its
            adapter is for another carrier.
    """
    known = list_adapters() if adapters is None else adapters
    wanted = account.adapter or account.carrier
    adapter = known.get(wanted)
    if adapter is None:
        raise SettingsError(
            f"[accounts.{account.name}] carrier: there is no adapter for {wanted!r}",
            mend=f'There are: {", ".join(sorted(known))}. A carrier without an API has adapter = "neutral".',
        )
    _check(account, adapter)
    caller = Caller(account, hours)
    made, can = adapter.make(caller), adapter.operations
    if made.carrier != account.carrier:
        # scans that it tells would be of one carrier, and uploads, pages and keys of the other
        raise SettingsError(
            f"[accounts.{account.name}] carrier is {account.carrier[:40]!r}, the adapter {wanted} for {made.carrier}",
            mend=f'Write carrier = "{made.carrier}".',
        )
    return Contract(
        account=account,
        adapter=adapter,
        caller=caller,
        issuer=made if Operation.BOOK in can else None,
        source=made if Operation.TRACK in can else None,
        rates=made if Operation.RATES in can else None,
        pickups=made if Operation.PICKUP in can else None,
        reader=made if Operation.PUSH in can and adapter.push_needs <= account.secrets.keys() else None,
        labels=made if isinstance(made, LabelReader) and adapter.label_needs <= account.secrets.keys() else None,
    )


def _check(account: Account, adapter: Adapter) -> None:
    if bool(account.url) != adapter.is_called:
        why = f"has no url: {adapter.url}" if adapter.is_called else "has a url, and its adapter calls nobody"
        raise SettingsError(f"[accounts.{account.name}] {why}")
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
