"""Every adapter passes the entrance exam, against a fake that was written without it."""

import pytest

from waypost.app.carriers import contract_at, sit
from waypost.carriers import answers
from waypost.carriers.adapter import Evidence, Operation
from waypost.carriers.adapters import list_adapters
from waypost.carriers.booked import Booked
from waypost.carriers.calling import Caller
from waypost.testing.carriers.exam import Question
from waypost.testing.carriers.fakes import FAKES

#: Those whose asking is ours; what karrio asks in our place has tests of its own, and no fake.
ADAPTERS = {
    carrier: adapter
    for carrier, adapter in list_adapters().items()
    if adapter.operations.get(Operation.TRACK) != Evidence.KARRIO
}
#: What a carrier has no public operation for; the exam then asks the others.
ASKED = {carrier: sorted(adapter.operations) for carrier, adapter in ADAPTERS.items()}


def test_there_is_a_fake_for_every_adapter() -> None:
    assert set(FAKES) == set(ADAPTERS)


@pytest.mark.parametrize("carrier", ADAPTERS)
def test_an_adapter_passes_the_exam(carrier: str) -> None:
    with FAKES[carrier].kind() as fake:
        told = sit(fake, ADAPTERS[carrier])
        assert [f"{each.question}: {each.why}" for each in told if each.why] == []
        assert {each.about for each in told if each.is_asked} == {*ASKED[carrier], "all"}
        assert bool(fake.calls) == bool(fake.api_url)


def test_an_adapter_that_signs_wrongly_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.carriers.yto.sign_yto", lambda param, method, version, secret: "of nothing")
    with FAKES["yto"].kind() as fake:
        told = sit(fake, ADAPTERS["yto"])
        failed = [each for each in told if not each.is_passed]
        assert {"book", "cancel", "print", "track", "subscribe"} <= {each.about for each in failed}
        assert any("signature" in why for why in fake.refused)


def test_an_adapter_that_believes_every_push_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypost.carriers.yto.is_same", lambda told, expected: True)
    with FAKES["yto"].kind() as fake:
        failed = [each.question for each in sit(fake, ADAPTERS["yto"]) if each.why]
    assert failed
    assert all("refuses" in question for question in failed)


FLAWS = {
    "books again what may exist": ("zto", "Booked.__init__", "makes no second waybill of what another"),
    "hands out what was taken back": ("usps", "Booked.take_back", "gives no waybill again that was taken back"),
    "tells secrets": ("usps", "Caller.mask", "keeps the account's secrets"),
    "minds no currency": ("sf", "write_amount", "takes no amount for the carrier's money"),
    "holds what is not found for cancelled": ("usps", "was_taken_back", "takes nothing back that the carrier does not"),
    "takes a page for a riddle": ("usps", "read_text", "books after a refusal"),
    "believes every label": ("zto", "is_same", "refuses a forged one"),
}


def flaw_in(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    if what == "Booked.__init__":
        begin = Booked.__init__
        monkeypatch.setattr(Booked, "__init__", lambda self, caller, is_named: begin(self, caller, is_named=True))
    elif what == "Booked.take_back":
        monkeypatch.setattr(Booked, "take_back", lambda self, issued: None)
    elif what == "Caller.mask":
        monkeypatch.setattr(Caller, "mask", lambda self, text: text)
    elif what == "write_amount":
        monkeypatch.setattr("waypost.carriers.domestic.write_amount", lambda order, minor, currency: f"{minor / 100}")
    elif what == "was_taken_back":
        monkeypatch.setattr(Booked, "was_taken_back", lambda self, issued: True)
    elif what == "read_text":
        puzzled = lambda answer, kind, channel: answers.read_text(answer.body, kind, channel)  # noqa: E731
        monkeypatch.setattr("waypost.carriers.usps.read", puzzled)
    else:
        monkeypatch.setattr("waypost.carriers.zto.is_same", lambda told, expected: True)


@pytest.mark.parametrize("flaw", FLAWS)
def test_an_adapter_with_a_flaw_fails(monkeypatch: pytest.MonkeyPatch, flaw: str) -> None:
    carrier, what, question = FLAWS[flaw]
    flaw_in(monkeypatch, what)
    with FAKES[carrier].kind() as fake:
        failed = [each.question for each in sit(fake, ADAPTERS[carrier]) if each.why]
    assert any(question in each for each in failed), failed


def test_an_account_at_a_fake_is_like_any_other() -> None:
    with FAKES["yto"].kind() as fake:
        contract = contract_at(fake, ADAPTERS["yto"])
        assert fake.account()["secret"] not in repr(contract)
        contract.caller.close()
    assert Question(about="book", question="x", is_asked=False).is_passed is False
