"""Over a whole exam nothing that is printed, raised or logged holds an account's secrets or people's data."""

import logging
import traceback
from typing import Any

import msgspec
import pytest

from waypost.app.carriers import contract_at, sit
from waypost.booking.issuing import Address, Issued, Label, PushedLabel, WaybillOrder
from waypost.carriers.adapters import list_adapters
from waypost.carriers.calling import Answer, Call, Caller
from waypost.carriers.tokens import Token, Tokens
from waypost.model.carriage import Waybill
from waypost.testing.carriers.exam import write_order
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Fake
from waypost.testing.carriers.usps import FakeUsps
from waypost.track.carriers import Asked, CarrierError, Push, Reply

ADAPTERS = list_adapters()


class Told:
    """What was printed of everything that went by."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, *things: object) -> None:
        self.texts += [f"{thing!r} {thing!s}" for thing in things]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Told:
    """All calls, answers, tokens and errors; and all that any library logs."""
    told, call, fetch, refuse = Told(), Caller.call, Tokens._take_new, CarrierError.__init__

    def watch_call(self: Caller, asked: Call) -> Answer:
        told(asked, self)
        answer = call(self, asked)
        told(answer)
        return answer

    def watch_token(self: Tokens) -> None:
        fetch(self)
        told(self, self._token)

    def watch_error(self: CarrierError, *args: Any, **more: Any) -> None:
        refuse(self, *args, **more)
        told(self, "".join(traceback.format_exception(self)))

    monkeypatch.setattr(Caller, "call", watch_call)
    monkeypatch.setattr(Tokens, "_take_new", watch_token)
    monkeypatch.setattr(CarrierError, "__init__", watch_error)
    caplog.set_level(logging.DEBUG)
    return told


def secrets_of(fake: Fake, carrier: str) -> dict[str, str]:
    adapter = ADAPTERS[carrier]
    return {name: text for name, text in fake.account().items() if name.split(".")[0] in adapter.secrets}


def people_of(order: WaybillOrder) -> dict[str, str]:
    told = {}
    for who, address in (("sender", order.sender), ("consignee", order.consignee)):
        for name in ("name", "street", "phone", "company", "email", "postcode"):
            told[f"{who} {name}"] = getattr(address, name)
    return {name: text for name, text in told.items() if len(text) > 3}


@pytest.mark.parametrize("carrier", [name for name in ADAPTERS if name in FAKES and ADAPTERS[name].is_called])
def test_nothing_that_is_printed_or_logged_tells_too_much(
    carrier: str, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    with FAKES[carrier].kind() as fake:
        sit(fake, ADAPTERS[carrier])
        hidden = secrets_of(fake, carrier)
        people = people_of(write_order(fake))
    assert len(told.texts) > 5
    for name, text in hidden.items():
        assert not [each for each in told.texts if text in each], name
        assert text not in caplog.text, name
    for name, text in people.items():
        assert text not in caplog.text, name
        structs = [each for each in told.texts if each.startswith(("Call(", "Answer(", "Token(", "Caller("))]
        assert not [each for each in structs if text in each], name


ADDRESS = Address(
    name="Ada Hidden",
    country="US",
    street="1 Hidden St",
    city="Hiddenville",
    province="Hidden State",
    county="Hidden County",
    postcode="hidden-1",
    phone="hidden-2",
    company="Hidden Ltd",
    email="ada@hidden.example",
)
ORDER = WaybillOrder(
    reference="R-1",
    sender=ADDRESS,
    consignee=ADDRESS,
    items=[],
    weight_g=5,
    remark="hidden remark",
    cod_minor=7_913_377,
)
WAYBILL = Waybill("usps", "9205500000000000000016")
LABEL = Label(content=b"hidden label")


@pytest.mark.parametrize(
    "thing",
    [
        ADDRESS,
        ORDER,
        LABEL,
        Issued(waybill=WAYBILL, reference="R-1", channel="c", label=LABEL),
        PushedLabel(waybill=WAYBILL, label=LABEL, reply=Reply(body=b"{}")),
        Push(headers={"x-sign": "hidden"}, query="key=hidden", body=b"hidden", received_ms=5),
        Asked(number="1", phone_tail="hidden"),
        Call(operation="x", path="/hidden", headers={"a": "hidden"}, query={"b": "hidden"}, body=b"hidden"),
        Answer(status=200, body=b"hidden", content_type="text/plain"),
        Token(text="hidden", lasts_s=5),
    ],
)
def test_what_is_printed_of_it_hides_what_it_holds(thing: msgspec.Struct) -> None:
    for text in (repr(thing), str(thing), repr([thing])):
        assert "hidden" not in text.lower()
        assert "7913377" not in text
        assert type(thing).__name__ in text


def test_the_rest_is_shown() -> None:
    assert "R-1" in repr(ORDER)
    assert "9205500000000000000016" in repr(Issued(waybill=WAYBILL, reference="R-1", channel="c"))
    assert repr(Call(operation="x")).startswith("Call(operation='x', path='', method='POST'")


def test_a_contract_shows_no_secret() -> None:
    with FakeUsps(secret="a-word-of-its-own") as fake:
        contract = contract_at(fake, ADAPTERS["usps"])
        assert not [text for text in secrets_of(fake, "usps").values() if text in repr(contract)]
        contract.caller.close()
