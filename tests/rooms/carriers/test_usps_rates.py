"""Rates of USPS: what is asked, which of its options is a label's, and what cannot be asked."""

import threading
from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
import pytest

from waypost.app.carriers import contract_at
from waypost.booking.rating import quotes
from waypost.booking.rating.areas import Spot
from waypost.booking.rating.asking import CarrierRate, RateSource
from waypost.booking.rating.quotes import Prefer, Quoter, Source
from waypost.booking.rating.shipments import Piece, Shipment
from waypost.carriers.adapters import list_adapters
from waypost.model.errors import BadInput
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.usps import FakeUsps
from waypost.track.carriers import CarrierRefused, Unsupported

BOISE, NEW_YORK = Spot("US", "ID", "Boise", "83702"), Spot("US", "NY", "New York", "10001-1234")
BOX = Piece(1_250, 250, 160, 60)
SHIPMENT = Shipment(sender=BOISE, consignee=NEW_YORK, pieces=[BOX], currency="USD", day=date(2026, 11, 23))


@pytest.fixture
def fake() -> Iterator[Any]:
    with FAKES["usps"].kind() as fake:
        yield fake


@pytest.fixture
def source(fake: FakeUsps) -> Iterator[RateSource]:
    contract = contract_at(fake, list_adapters()["usps"])
    assert contract.rates is not None
    yield contract.rates
    contract.caller.close()


def test_the_option_that_a_label_would_be_is_told_to_the_cent(source: RateSource) -> None:
    told = {rate.service: rate for rate in source.ask_rates(SHIPMENT)}
    assert set(told) == {"USPS_GROUND_ADVANTAGE", "PRIORITY_MAIL", "PRIORITY_MAIL_EXPRESS"}
    ground = told["USPS_GROUND_ADVANTAGE"]  # 2.7558 lb are 3, and the flat box at a dollar is none of ours
    assert (ground.minor, ground.currency, list(ground.charges)) == (855, "USD", [("postage", 855)])


def test_fees_are_lines_of_their_own_and_equal_parcels_are_one_call(fake: FakeUsps, source: RateSource) -> None:
    long = msgspec.structs.replace(SHIPMENT, pieces=[BOX, BOX, Piece(1_250, 700, 160, 60)])
    before = len(fake._called.get("/prices/v3", []))
    [ground] = [rate for rate in source.ask_rates(long) if rate.service == "USPS_GROUND_ADVANTAGE"]
    assert len(fake._called["/prices/v3"]) - before == 2
    assert ground.minor == 3 * 855 + 400
    assert ("Nonstandard Length > 22", 400) in ground.charges
    assert sum(minor for _, minor in ground.charges) == ground.minor


@pytest.mark.parametrize(
    ("changed", "kind", "told"),
    [
        ({"consignee": Spot("CA", "ON", "Toronto", "M5V")}, Unsupported, "inside the United States"),
        ({"cod_minor": 100}, Unsupported, "cash on delivery"),
        ({"pieces": [Piece(500 + each, 10, 10, 10) for each in range(4)]}, Unsupported, "3 different"),
        ({"pieces": [Piece(500)]}, BadInput, "length_mm"),
        ({"consignee": Spot("US", "NY", "New York", "")}, BadInput, "ZIP"),
    ],
)
def test_what_cannot_be_asked_is_said(
    source: RateSource, changed: dict[str, Any], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        source.ask_rates(msgspec.structs.replace(SHIPMENT, **changed))


def test_a_parcel_that_no_class_takes_has_no_rates(source: RateSource) -> None:
    assert source.ask_rates(msgspec.structs.replace(SHIPMENT, pieces=[Piece(40_000, 250, 160, 60)])) == []


def test_a_token_without_that_scope_is_told(fake: FakeUsps) -> None:
    fake.scopes = fake.scopes - {"prices"}
    contract = contract_at(fake, list_adapters()["usps"])
    assert contract.rates is not None
    with pytest.raises(CarrierRefused, match="client application identifier"):
        contract.rates.ask_rates(SHIPMENT)
    contract.caller.close()


def test_quotes_say_that_it_is_the_carriers(source: RateSource) -> None:
    quoted = Quoter([], lambda *_: None, {"usps-main": source}).quote(SHIPMENT, 0, Prefer.PRICE)
    assert next((each.source, each.account, each.service, each.minor) for each in quoted.quotes) == (
        Source.CARRIER,
        "usps-main",
        "USPS_GROUND_ADVANTAGE",
        855,
    )


class Slow:
    """A carrier that does not answer before it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def ask_rates(self, shipment: Shipment) -> list[CarrierRate]:
        self.let_go.wait(30)
        return []


def test_a_slow_carrier_holds_up_no_other(source: RateSource, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()
    quoter = Quoter([], lambda *_: None, {"slow": slow, "usps": source})
    assert len(quoter.quote(SHIPMENT, 0, account="usps").quotes) == 3  # it has its token now
    monkeypatch.setattr(quotes, "CARRIERS_S", 0.5)
    quoted = quoter.quote(SHIPMENT, 0)
    slow.let_go.set()
    assert len(quoted.quotes) == 3
    [late] = quoted.unquoted
    assert (late.account, late.code) == ("slow", "carrier_unreachable")
