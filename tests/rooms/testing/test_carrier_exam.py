"""The exam passes a reader of pushes that verifies them, and no other."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl

import pytest

from waypost.model.errors import WaypostError
from waypost.model.instants import OffsetSource
from waypost.testing.carriers.exam import Candidate, examine
from waypost.testing.carriers.faking import Fake
from waypost.testing.carriers.sto import FakeSto
from waypost.testing.carriers.yunda import FakeYunda
from waypost.track.carriers import Forged, Push, Pushed, Reply
from waypost.track.wire import read_json_array

YES = b'{"success":true,"result":true,"code":"0000"}'
NO = b'{"success":false,"result":false}'


class Reader:
    """Reads STO and Yunda; each of its flaws can be chosen."""

    def __init__(self, carrier: str, *, flaw: str = "") -> None:
        self.carrier, self.flaw = carrier, flaw

    def read(self, push: Push) -> Pushed:
        try:
            rows = self._read_sto(push) if self.carrier == "sto" else self._read_yunda(push)
        except (KeyError, ValueError) as error:
            raise Forged(f"unreadable: {error}") from None
        if self.flaw == "drops":
            rows = rows[:0]
        if self.flaw == "tells":
            rows = [row | {"note": "快递员 10000000000"} for row in rows]
        return Pushed(
            rows=read_json_array(json.dumps(rows).encode(), 100),
            reply=Reply(body=NO if self.flaw == "thanks oddly" else YES),
        )

    def refuse(self, error: WaypostError) -> Reply:
        return Reply(body=YES if self.flaw == "thanks all" else NO)

    def _read_sto(self, push: Push) -> list[dict[str, str]]:
        form = dict(parse_qsl(push.body.decode(), strict_parsing=True))
        content = form["content"]
        digest = base64.b64encode(hashlib.md5(f"{content}of-the-fake".encode()).digest()).decode()
        if self.flaw == "rewrites":
            content = json.dumps(json.loads(content), ensure_ascii=False)
            digest = base64.b64encode(hashlib.md5(f"{content}of-the-fake".encode()).digest()).decode()
        if form["data_digest"] != digest and self.flaw != "believes":
            raise Forged("the digest is another")
        told = json.loads(content)
        trace = told["trace"]
        return [{"carrier": "sto", "number": told["waybillNo"], "code": trace["scanType"], "at": trace["opTime"]}]

    def _read_yunda(self, push: Push) -> list[dict[str, str]]:
        sign = hashlib.md5(push.body + b"_of-the-fake").hexdigest()
        if push.headers["sign"] != sign and self.flaw != "believes":
            raise Forged("the sign is another")
        told = json.loads(push.body)
        return [
            {"carrier": "yunda", "number": told["mailno"], "code": f"action:{step['action']}", "at": step["time"]}
            for step in told["steps"]
        ]


@pytest.fixture(params=["sto", "yunda"])
def fake(request: pytest.FixtureRequest) -> Iterator[Fake]:
    with (FakeSto if request.param == "sto" else FakeYunda)() as fake:
        yield fake


def ask(fake: Fake, flaw: str = "") -> dict[str, str]:
    """Why each question was failed."""
    candidate = Candidate(
        fake=fake,
        operations=frozenset({"push"}),
        issuer=None,
        source=None,
        reader=Reader(fake.name, flaw=flaw),
        codes=("收件", "发件", "签收") if fake.name == "sto" else ("GOT", "DEPARTURE", "SIGNED"),
        zone_of=lambda pairs: [("Asia/Shanghai", OffsetSource.CARRIER)] * len(pairs),
    )
    told = examine(candidate)
    assert {question.about for question in told if question.is_asked} == {"push", "all"}
    return {question.question: question.why for question in told if question.is_asked and not question.is_passed}


def test_a_reader_that_verifies_passes(fake: Fake) -> None:
    assert ask(fake) == {}


@pytest.mark.parametrize(
    ("flaw", "why"),
    [
        ("believes", "changed is taken"),
        ("drops", "the carrier told"),
        ("tells", "names and telephone numbers"),
        ("thanks oddly", "not understood"),
        ("thanks all", "is thanked for"),
    ],
)
def test_a_flaw_is_found(fake: Fake, flaw: str, why: str) -> None:
    assert why in " ".join(ask(fake, flaw).values())


def test_a_reader_that_verifies_another_text_reads_nothing() -> None:
    with FakeSto() as fake:
        assert "Forged" in ask(fake, "rewrites")["reads what is pushed, and answers in the carrier's words"]


def test_codes_of_queries_may_be_others_than_those_of_pushes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is pushed is compared with the codes of pushes."""
    with FakeSto() as fake:
        other: Callable[[str], str] = lambda code: f"asked {code}"  # noqa: E731
        monkeypatch.setattr(fake, "asked_code", other)
        assert ask(fake) == {}
