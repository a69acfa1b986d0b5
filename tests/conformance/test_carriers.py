"""Every adapter passes the entrance exam, against a fake that was written without it."""

import pytest

from waypost.app.carriers import contract_at, sit
from waypost.carriers.adapters import list_adapters
from waypost.testing.carriers.exam import Question
from waypost.testing.carriers.fakes import FAKES

ADAPTERS = list_adapters()
#: What a carrier has no public operation for; the exam then asks the others.
ASKED = {carrier: sorted(adapter.operations) for carrier, adapter in ADAPTERS.items()}


def test_there_is_a_fake_for_every_adapter() -> None:
    assert set(FAKES) == set(ADAPTERS)


@pytest.mark.parametrize("carrier", ADAPTERS)
def test_an_adapter_passes_the_exam(carrier: str) -> None:
    with FAKES[carrier].kind() as fake:
        told = sit(fake, ADAPTERS[carrier])
        assert [f"{each.question}: {each.why}" for each in told if each.why] == []
        assert {each.about for each in told if each.is_asked} == set(ASKED[carrier])
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
        failed = [each.question for each in sit(fake, ADAPTERS["yto"]) if not each.is_passed]
    assert failed
    assert all("refuses" in question for question in failed)


def test_an_account_at_a_fake_is_like_any_other() -> None:
    with FAKES["yto"].kind() as fake:
        contract = contract_at(fake, ADAPTERS["yto"])
        assert fake.account()["secret"] not in repr(contract)
        contract.caller.close()
    assert Question(about="book", question="x", is_asked=False).is_passed is False
