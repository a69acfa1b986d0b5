"""Another program ships, over a network on which answers are lost and servers are killed: all is done once."""

import datetime as dt
import io
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pypdf import PdfReader
from tests.journeys.conftest import Server
from tests.journeys.relay import Relay
from tests.journeys.shop import Shop, draft
from tests.journeys.test_merchants import make_merchant, write_settings

from waypost.client import Problem, Unreachable, Waypost, verify
from waypost.model.errors import BadInput, Conflict, NotAllowed, NotFound, TooMany
from waypost.testing.carriers.fakes import FAKES


def test_a_program_ships(tmp_path: Path, start_server: Callable[..., Server]) -> None:
    home = tmp_path / "home"
    with FAKES["correios"].kind() as fake:
        write_settings(home, fake)
        key = make_merchant(home, "Estrela")["authorization"].removeprefix("Bearer ")
        server = start_server(home)
        with Waypost(server.address, key) as waypost:
            assert key not in f"{waypost!r} {waypost._caller!r}"
            wrong = {"reference": "SALE-3", "colour": "blue"}
            entered = waypost.orders.enter([draft(fake, "SALE-1"), draft(fake, "SALE-2"), wrong])
            assert [(each.row, each.outcome) for each in entered.entries] == [(0, "new"), (1, "new")]
            assert [each.row for each in entered.refusals] == [2]
            first = waypost.orders.confirm(entered.entries[0].id)
            [waybill] = first.waybills
            assert (first.state, waybill.number) == ("booked", next(iter(fake.parcels)))
            assert waypost.orders.find("SALE-1") == first
            assert waypost.orders.find("SALE-9") is None
            assert fake.sample.consignee.name not in repr(first)

            job = waypost.jobs.begin()
            assert [each.settled for each in waypost.jobs.follow(job.id)][-1] == 1
            [second] = waypost.orders.list(job=job.id)
            assert {each.id for each in waypost.orders.list(limit=1)} == {first.id, second.id}

            saved = waypost.jobs.save_labels(job.id, tmp_path / "labels.pdf")
            assert (saved.content_type, saved.left_out) == ("application/pdf", 0)
            assert saved.size == (tmp_path / "labels.pdf").stat().st_size
            assert len(PdfReader(tmp_path / "labels.pdf").pages) == 1
            into = io.BytesIO()
            assert waypost.orders.save_slip(first.id, into, paper="a6").path is None
            assert into.getvalue().startswith(b"%PDF-")

            closed = waypost.manifests.close()
            assert closed.manifest.parcels == len(closed.parcels) == 2
            assert [each.id for each in waypost.manifests.list()] == [closed.manifest.id]
            assert waypost.manifests.get(closed.manifest.id) == closed
            waypost.manifests.save_csv(closed.manifest.id, tmp_path / "manifest.csv")
            assert waybill.number in (tmp_path / "manifest.csv").read_text()
            with pytest.raises(Conflict):
                waypost.manifests.close()

            back = waypost.orders.draft_return(first.id)
            assert (back.state, back.order.sender) == ("draft", first.order.consignee)
            assert waypost.orders.cancel(second.id, reason="sold out").state == "cancelled"
            quoted = waypost.quote([draft(fake, "ASK")])
            assert [each.code for each in quoted.quotes[0].unquoted] == ["no_card"]

            [found, unknown] = waypost.parcels.find([waybill.number, "XX0"])
            assert (found.asked, unknown.parcels) == (waybill.number, [])
            with pytest.raises(NotFound) as missing:
                waypost.orders.get("ord_0")
            assert isinstance(missing.value, Problem)
            assert (missing.value.status, missing.value.code) == (404, "not_found")
            assert missing.value.instance.startswith("urn:waypost:request:")
            with pytest.raises(BadInput) as odd:
                waypost.orders.save_label(first.id, tmp_path / "x", format="gif")  # type: ignore[arg-type]
            assert isinstance(odd.value, Problem)
            assert [each.where for each in odd.value.errors] == ["query.format"]
            assert not list(tmp_path.glob(".*.part"))
        with Waypost(server.address, "wp_" + "0" * 48) as stranger, pytest.raises(NotAllowed) as refused:
            stranger.orders.get("ord_0")
        assert "0000" not in str(refused.value)


def test_scans_are_sent_in_batches_and_refused_by_row(server: Server) -> None:
    with Waypost(server.address, server.key) as waypost:
        scan = {"carrier": "yto", "number": "YT1", "code": "GOT", "at": "2026-11-02 09:00"}
        scans = [scan | {"number": f"YT{each}"} for each in range(12_000)]
        scans[11_000]["at"] = "2026-02-30 09:00"
        taken = waypost.scans.send(scans)
        assert (taken.accepted, taken.refused) == (11_999, 1)
        assert [(each.row, each.field) for each in taken.refusals] == [(11_000, "at")]
        none = waypost.scans.send([b'{"carrier": "yto"}\n'])
        assert (none.accepted, none.refused, none.end) == (0, 1, None)
        assert waypost.scans.send([]).accepted == 0
        until = time.monotonic() + 30
        while not (found := waypost.parcels.find(["YT11999"])[0].parcels) and time.monotonic() < until:
            time.sleep(0.05)
        assert found[0].carrier == "yto"
        [timeline] = waypost.parcels.list_timelines("YT11999")
        assert [each.code for each in timeline.scans] == ["GOT"]


@pytest.mark.parametrize(
    "moment", ["as soon as it is asked", pytest.param("when its answer is under way", marks=pytest.mark.heavy)]
)
def test_a_server_that_is_killed_between_question_and_answer_begins_one_job(shop: Shop, moment: str) -> None:
    with shop.open() as waypost:
        waypost.orders.enter(draft(shop.fake, f"SALE-{number}") for number in range(20))

        def kill() -> None:
            shop.kill()
            threading.Thread(target=shop.restart).start()

        if moment == "as soon as it is asked":
            shop.relay.when_asked(kill)
        else:
            shop.relay.cut_next(10, kill)
        began = shop.relay.seen
        job = waypost.jobs.begin()
        assert shop.relay.seen >= began + 2
        assert job.orders == 20
        *_, done = waypost.jobs.follow(job.id)
        assert done.states == {"booked": 20}
        assert {each.job for each in waypost.orders.list(limit=7)} == {job.id}
    assert len(shop.fake.parcels) == 20


def test_a_key_of_ones_own_holds_when_the_program_begins_again(shop: Shop) -> None:
    with shop.open() as waypost:
        waypost.orders.enter([draft(shop.fake, "SALE-1")])
        first = waypost.jobs.begin(idempotency_key="tonight")
        assert waypost.jobs.begin(idempotency_key="tonight").id == first.id
        assert waypost.jobs.begin().id != first.id


@pytest.mark.parametrize("cut", [300, 2_000])
def test_a_download_that_breaks_off_is_fetched_anew_and_never_half_there(shop: Shop, tmp_path: Path, cut: int) -> None:
    with shop.open() as waypost, shop.open(patience_s=0) as hasty:
        [entry] = waypost.orders.enter([draft(shop.fake, "SALE-1")]).entries
        waypost.orders.confirm(entry.id)
        folder = tmp_path / "paper"
        folder.mkdir()
        path = folder / "slip.pdf"
        path.write_bytes(b"the one of yesterday")
        shop.relay.cut_next(cut)
        with pytest.raises(Unreachable, match="broke off") as broken:
            hasty.orders.save_slip(entry.id, path)
        assert broken.value.may_be_done
        assert [each.name for each in folder.iterdir()] == ["slip.pdf"]
        assert path.read_bytes() == b"the one of yesterday"
        shop.relay.cut_next(cut)
        waypost.orders.save_slip(entry.id, path)
        assert len(PdfReader(path).pages) == 1
        assert [each.name for each in folder.iterdir()] == ["slip.pdf"]
        with pytest.raises(BadInput, match="there is no folder"):
            waypost.orders.save_slip(entry.id, folder / "none" / "slip.pdf")


#: It says that the line ends, as the relay ends it: on one that is thought to live the next request may be lost.
AWAY = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-type: text/html\r\n"
    b"content-length: 6\r\nretry-after: 1\r\n\r\n<html>"
)


def test_a_proxy_whose_server_is_away_is_asked_again_when_it_says(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "waypost.client")
    with shop.open() as waypost:
        shop.relay.answer_next(AWAY)
        began = time.monotonic()
        assert list(waypost.orders.list()) == []
        assert time.monotonic() - began >= 1
        [told] = [each.getMessage() for each in caplog.records if each.name == "waypost.client"]
        assert told.startswith("GET /v1/orders: the server answers 503 Service Unavailable; asked again in")
        assert shop.key not in caplog.text
    with shop.open(patience_s=0.5) as hasty:
        shop.relay.answer_next(AWAY, AWAY)
        with pytest.raises(Problem, match="503") as away:
            list(hasty.orders.list())
        assert away.value.retry_after_s == 1


def test_what_may_be_done_twice_is_not_repeated(shop: Shop) -> None:
    with shop.open() as waypost:
        kept = waypost.webhooks.add("https://shop.example/waypost")
        seen = shop.relay.seen
        shop.relay.answer_next(AWAY)
        with pytest.raises(Problem, match="503"):
            waypost.webhooks.rotate(kept.webhook.id)
        shop.relay.cut_next(10)
        with pytest.raises(Unreachable) as lost:
            waypost.webhooks.rotate(kept.webhook.id)
        assert lost.value.may_be_done
        assert shop.relay.seen == seen + 2, "what was refused, and what lost its answer: nothing again"
    gone = Relay(shop.server.address)
    with gone:
        pass
    with Waypost(gone.url, shop.key, patience_s=1) as waypost:
        with pytest.raises(Unreachable, match="cannot be reached") as never:
            waypost.webhooks.rotate(kept.webhook.id)
        assert not never.value.may_be_done


def test_a_webhook_whose_answer_was_lost_is_made_once(shop: Shop) -> None:
    with shop.open() as waypost:
        seen = shop.relay.seen
        shop.relay.answer_next(AWAY)
        shop.relay.cut_next(10)
        made = waypost.webhooks.add("https://shop.example/waypost")
        assert shop.relay.seen >= seen + 2
        assert [each.id for each in waypost.webhooks.list()] == [made.webhook.id]


@pytest.mark.heavy
def test_too_many_questions_wait_as_long_as_the_server_says(
    tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "waypost.toml").write_text("[limits]\nnumbers_per_min = 60\nnumbers_burst = 30\n", "utf-8")
    server = start_server(home)
    with Waypost(server.address, "", patience_s=30) as public, Waypost(server.address, "", patience_s=0) as hasty:
        numbers = [f"YT{each}" for each in range(30)]
        assert len(public.parcels.find(numbers)) == 30
        with pytest.raises(TooMany) as many:
            hasty.parcels.find(numbers[:5])
        assert isinstance(many.value, Problem)
        assert 0 < (many.value.retry_after_s or 0) <= 30
        began = time.monotonic()
        assert len(public.parcels.find(numbers[:2])) == 2
        assert time.monotonic() - began >= 1


def test_webhooks_are_looked_after(shop: Shop) -> None:
    with shop.open() as waypost:
        made = waypost.webhooks.add("https://shop.example/waypost", ["delivered"])
        assert made.secret.startswith("whsec_")
        assert made.secret not in repr(made)
        hook = made.webhook
        assert waypost.webhooks.change(hook.id, paused=True).paused_at is not None
        assert waypost.webhooks.change(hook.id, statuses=[], paused=False).statuses == []
        assert waypost.webhooks.get(hook.id).paused_at is None
        assert waypost.webhooks.rotate(hook.id).secret != made.secret
        assert list(waypost.webhooks.list_deliveries(hook.id, state="dead")) == []
        assert waypost.webhooks.replay(hook.id, since=dt.datetime.now(dt.UTC)) == 0
        pinged = waypost.webhooks.ping(hook.id)
        assert not pinged.is_well
        with pytest.raises(NotFound):
            waypost.webhooks.retry(hook.id, "msg_0")
        waypost.webhooks.remove(hook.id)
        waypost.webhooks.remove(hook.id)
        assert waypost.webhooks.list() == []
        assert callable(verify)
