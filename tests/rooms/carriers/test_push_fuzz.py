"""Whatever comes to where carriers push: no crash, nothing taken that was not signed, and soon an answer."""

import base64
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.rooms.carriers.fuzzing import SIGNINGS, changed_bodies, changed_texts

from waypost.app.carriers import contract_at
from waypost.carriers.adapter import Operation
from waypost.carriers.adapters import list_adapters
from waypost.model.errors import BadInput, WaypostError
from waypost.model.instants import OffsetSource
from waypost.testing.carriers import Fake, FakeScan
from waypost.testing.carriers.fakes import FAKES
from waypost.track.carriers import Forged, Push, PushReader
from waypost.track.intake import take_in

NOW_MS = 1_767_323_045_000
NAMES = [name for name, adapter in list_adapters().items() if Operation.PUSH in adapter.operations]
#: Whose pushes bear no signature: a key in the address is all that tells them.
UNSIGNED = {name for name in NAMES if not FAKES[name].kind.signs_pushes}
MOST_S = 2.0  # of CPU, for bodies that are a hundred times smaller than what is let in


class Target:
    """A reader with a push that it takes."""

    def __init__(self, name: str, fake: Fake) -> None:
        self.name, self.fake, self.signing = name, fake, SIGNINGS[name]
        contract = contract_at(fake, list_adapters()[name])
        contract.caller.close()
        assert contract.reader is not None
        self.reader: PushReader = contract.reader
        number = fake.make("REFERENCE001").number
        scan = FakeScan(code=FAKES[name].codes[0], at_ms=NOW_MS // 60_000 * 60_000 - 3_600_000)
        (sent,) = fake.write_pushes(number, scan)
        self.push = Push(headers=sent.headers, query=urlencode(sent.query), body=sent.body, received_ms=NOW_MS)
        self.text = self.signing.text(self.push)
        self.rows = self.read(self.push)
        assert self.rows

    def put(self, text: str, *, signs: bool) -> Push:
        return self.signing.put(self.push, text, self.fake, signs)

    def read(self, push: Push) -> list[dict[str, Any]]:
        """What a push says; a refusal is answered, too."""
        begun_s = time.process_time()
        try:
            rows = self.reader.read(push).rows
        except (Forged, BadInput) as error:
            self.reader.refuse(error)
            raise
        finally:
            assert time.process_time() - begun_s < MOST_S
        zone = ("Asia/Shanghai", OffsetSource.CARRIER)
        intake = take_in(rows, lambda pairs: [zone] * len(pairs), now_ms=NOW_MS, recorded_at_ms=NOW_MS)
        assert intake.scans.num_rows + len(intake.refusals) == rows.sent
        return list(intake.scans.to_pylist())

    def is_taken(self, push: Push) -> list[dict[str, Any]] | WaypostError:
        try:
            return self.read(push)
        except (Forged, BadInput) as error:
            return error


@pytest.fixture(params=NAMES)
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    with FAKES[request.param].kind(clock=lambda: NOW_MS) as fake:
        yield Target(request.param, fake)


@pytest.fixture
def fuzz(heavy: bool) -> Callable[..., None]:
    """Runs a property: often in the plain run, and for long in the heavy one."""

    def run(strategy: st.SearchStrategy[Any], holds: Callable[[Any], None]) -> None:
        checks = settings(
            max_examples=500 if heavy else 120,
            deadline=None,
            derandomize=not heavy,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        checks(given(strategy)(holds))()

    return run


def test_there_is_a_signing_for_each() -> None:
    assert set(SIGNINGS) == set(NAMES)


def test_what_is_signed_again_is_taken(target: Target) -> None:
    assert target.is_taken(target.put(target.text, signs=True)) == target.rows


def test_any_bytes_get_an_answer(target: Target, fuzz: Callable[..., None]) -> None:
    def holds(body: bytes) -> None:
        told = target.is_taken(msgspec.structs.replace(target.push, body=body))
        assert isinstance(told, Forged) or target.name in UNSIGNED or told == target.rows

    fuzz(st.binary(max_size=200) | st.text().map(str.encode), holds)


def test_a_push_whose_bytes_were_changed_says_the_same_or_nothing(target: Target, fuzz: Callable[..., None]) -> None:
    """What stands where nothing is signed may change, and may make it unreadable; it never says anything else."""

    def holds(body: bytes) -> None:
        told = target.is_taken(msgspec.structs.replace(target.push, body=body))
        if target.name not in UNSIGNED:
            assert isinstance(told, WaypostError) or told == target.rows, told

    fuzz(changed_bodies(target.push.body), holds)


def test_a_changed_text_under_the_old_signature_is_forged(target: Target, fuzz: Callable[..., None]) -> None:
    def holds(text: str) -> None:
        if text != target.text and target.name not in UNSIGNED:
            assert isinstance(target.is_taken(target.put(text, signs=False)), Forged)

    fuzz(changed_texts(target.text), holds)


def test_a_changed_text_that_was_signed_is_read_or_bad_input(target: Target, fuzz: Callable[..., None]) -> None:
    """The carrier's own software errs, too: whatever it signs is kept as unreadable, and never breaks anything."""

    def holds(text: str) -> None:
        told = target.is_taken(target.put(text, signs=True))
        assert not isinstance(told, Forged), told.message

    fuzz(changed_texts(target.text), holds)


def test_headers_and_queries_may_be_anything(target: Target, fuzz: Callable[..., None]) -> None:
    """The signature is not to be had by another header, and none is needed to stay upright."""
    names = sorted(target.push.headers)

    def holds(changed: dict[str, str]) -> None:
        push = msgspec.structs.replace(target.push, headers={**target.push.headers, **changed})
        told = target.is_taken(push)
        assert isinstance(told, WaypostError) or told == target.rows
        told = target.is_taken(msgspec.structs.replace(push, query=" ".join(changed.values())))
        assert isinstance(told, WaypostError) or told == target.rows

    fuzz(st.dictionaries(st.sampled_from(names), st.text(max_size=40), min_size=1, max_size=3), holds)


def test_a_signature_of_another_secret_is_forged(target: Target) -> None:
    if target.name in UNSIGNED:
        wrong = msgspec.structs.replace(target.push, query="key=another")
    else:
        other = FAKES[target.name].kind(clock=lambda: NOW_MS)
        for name in ("secret", "app_secret", "push_secret"):
            if hasattr(other, name):
                setattr(other, name, "another" * 5)
        if hasattr(other, "secrets"):
            other.secrets = ["whsec_" + base64.b64encode(b"another" * 5).decode()]
        wrong = target.signing.put(target.push, target.text, other, True)
        other.stop()
    assert isinstance(target.is_taken(wrong), Forged)
