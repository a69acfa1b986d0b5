"""`waypost carriers list | fake | exam`."""

import time
from typing import Any

from rich.table import Table

from waypost.app.console import aside, line, out, results
from waypost.carriers.accounts import Account, Secret
from waypost.carriers.adapter import Adapter, Operation
from waypost.carriers.adapters import Contract, list_adapters, open_contract
from waypost.carriers.calling import Hours
from waypost.model.carriers import find_carrier
from waypost.model.errors import NotFound
from waypost.model.instants import OffsetSource
from waypost.testing.carriers.exam import Candidate, Question, examine
from waypost.testing.carriers.fakes import FAKES
from waypost.testing.carriers.faking import Fake

_MARKS = {
    (True, True): ("passed", "green"),
    (True, False): ("FAILED", "red"),
    (False, False): ("not asked", "dim"),
}


def list_carriers(*, as_json: bool) -> None:
    """Print which carriers can be asked for what, and how well that is known."""
    adapters = list_adapters()
    if as_json:
        out([_describe(adapter) for adapter in adapters.values()])
        return
    table = Table("carrier", *Operation, "settings of an account", box=None, pad_edge=False)
    for carrier, adapter in sorted(adapters.items()):
        known = [adapter.operations[each].value if each in adapter.operations else "-" for each in Operation]
        table.add_row(carrier, *known, ", ".join([*adapter.settings, *adapter.secrets]))
    results().print(table)
    aside.print(
        "Known by the carrier's own papers, by open clients, by karrio (an extra), or unverified. "
        "No live host was asked for any of it."
    )


def run_fake(carrier: str, *, port: int, push_url: str, as_json: bool) -> None:
    """Serve a strict fake until told to stop."""
    fake = _find_fake(carrier)(port=port)
    fake.push_url = push_url
    settings = fake.account()
    if as_json:
        out({"carrier": carrier, "url": fake.api_url, "account": settings})
    else:
        aside.print(line("An imagined ", (carrier, "bold"), " serves at ", (fake.api_url, "bold")), soft_wrap=True)
        aside.print("Its account, for waypost.toml:")
        print(f'[accounts.{carrier}]\ncarrier = "{carrier}"')
        for name, value in [*([("url", fake.api_url)] if fake.api_url else []), *settings.items()]:
            print(f'"{name}" = "{value}"')
    try:
        fake.serve_forever()
    except KeyboardInterrupt:
        fake.stop()


def run_exam(carrier: str, *, as_json: bool) -> int:
    """Examine an adapter against the fake of its carrier; 0 if it passed."""
    adapter = list_adapters().get(carrier)
    if adapter is None:
        raise NotFound(f"there is no adapter for {carrier[:40]!r}", mend="`waypost carriers list` lists them.")
    with _find_fake(carrier)() as fake:
        told = sit(fake, adapter)
    is_passed = all(question.is_passed or not question.is_asked for question in told)
    if as_json:
        out({"carrier": carrier, "passed": is_passed, "questions": told})
    else:
        for question in told:
            mark = _MARKS[question.is_asked, question.is_passed]
            results().print(line(mark, f"  {question.about}: {question.question}", (f"  {question.why}", "red")))
        results().print(_sum_up(carrier, told))
    return 0 if is_passed else 1


def sit(fake: Fake, adapter: Adapter) -> list[Question]:
    """The exam of an adapter at a fake that serves."""
    contract = contract_at(fake, adapter)
    try:
        return examine(_candidate(fake, contract))
    finally:
        contract.caller.close()


def contract_at(fake: Fake, adapter: Adapter) -> Contract:
    """The account that a fake gives, with the adapter that is to serve it."""
    given = fake.account()
    account = Account(
        name=fake.name,
        carrier=fake.name,
        url=fake.api_url,
        settings={name: value for name, value in given.items() if name.split(".")[0] not in adapter.secrets},
        secrets={name: Secret(value) for name, value in given.items() if name.split(".")[0] in adapter.secrets},
        per_minute=60_000,
        timeout_s=2.0,
    )
    return open_contract(account, _leaping(), {adapter.carrier: adapter})


def _leaping() -> Hours:
    """Hours in which nobody waits: a pause is over at once, and its time has passed."""
    paused_s: list[float] = []
    return Hours(ticks=lambda: time.monotonic() + sum(paused_s), pause=paused_s.append)


def _candidate(fake: Fake, contract: Contract) -> Candidate:
    known = find_carrier(fake.name)
    zone = (known.zone, OffsetSource.CARRIER) if known and known.zone else None
    return Candidate(
        fake=fake,
        operations=frozenset(contract.adapter.operations),
        issuer=contract.issuer,
        rates=contract.rates,
        pickups=contract.pickups,
        source=contract.source,
        reader=contract.reader,
        labels=contract.labels,
        codes=FAKES[fake.name].codes,
        zone_of=lambda pairs: [zone] * len(pairs),
        secrets={name: secret.text for name, secret in contract.account.secrets.items()},
    )


def _find_fake(carrier: str) -> type[Fake]:
    if carrier not in FAKES:
        raise NotFound(f"there is no fake of {carrier[:40]!r}", mend=f"There are: {', '.join(FAKES)}.")
    return FAKES[carrier].kind


def _sum_up(carrier: str, told: list[Question]) -> str:
    asked = [question for question in told if question.is_asked]
    passed = sum(question.is_passed for question in asked)
    return f"{carrier}: {passed} of {len(asked)} passed; {len(told) - len(asked)} are not for it."


def _describe(adapter: Adapter) -> dict[str, Any]:
    return {
        "carrier": adapter.carrier,
        "operations": {operation.value: evidence.value for operation, evidence in adapter.operations.items()},
        "settings": dict(adapter.settings),
        "secrets": dict(adapter.secrets),
        "url": adapter.url,
        "test_url": adapter.test_url,
    }
