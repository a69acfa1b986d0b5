"""Manifests: what was handed over to a carrier at one time."""

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence

import msgspec

from waypost.client.calling import Caller, part
from waypost.client.saving import Saved, Target, save


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """How much was handed over."""

    id: str
    account: str
    closed_at: dt.datetime
    parcels: int
    weight_g: int


class HandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel of a manifest; `order` is the merchant's own number of it."""

    carrier: str
    number: str
    order: str
    piece: int
    weight_g: int
    sort_code: str


class ManifestWithParcels(msgspec.Struct, frozen=True):
    """A manifest, and all that is on it by order and piece."""

    manifest: Manifest
    parcels: Sequence[HandedOver]


class _Page(msgspec.Struct, frozen=True):
    manifests: Sequence[Manifest]
    next: str | None


class Manifests:
    """A merchant's manifests. What goes wrong is a `Problem`, or `Unreachable`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def close(self, account: str = "", *, idempotency_key: str | None = None) -> ManifestWithParcels:
        """Put all on one that is booked through an account and stands on none yet.

        Args:
            account: with the carrier that fetches it; "" for the only one.
            idempotency_key: the same key gives the same manifest; as for `Jobs.begin`.
        """
        headers = {"idempotency-key": idempotency_key or str(uuid.uuid4())}
        params = {"account": account or None}
        return self._caller.send("POST", "/v1/manifests", ManifestWithParcels, None, params, headers=headers)

    def get(self, id_: str) -> ManifestWithParcels:
        """One of them."""
        return self._caller.get(f"/v1/manifests/{part(id_)}", ManifestWithParcels)

    def list(self, *, limit: int | None = None) -> Iterator[Manifest]:
        """All of them, newest first, fetched page by page; `limit` is of a page."""
        for page in self._caller.list_pages("/v1/manifests", _Page, {}, limit):
            yield from page.manifests

    def save_csv(self, id_: str, to: Target) -> Saved:
        """Fetch one into a file, as CSV for who fetches the parcels."""
        return save(self._caller, f"/v1/manifests/{part(id_)}", {"format": "csv"}, to)
