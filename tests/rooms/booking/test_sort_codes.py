"""Sort codes in the product: given at booking, left to a person, learnt from answers, deliveries and files."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from sqlalchemy import update
from tests.rooms.booking.desk import Desk, open_desk
from tests.rooms.web.conftest import scan

from waypost.booking.bookings import Bookings
from waypost.booking.erasure import Erasure
from waypost.booking.issuing import Address
from waypost.booking.labels import Labels
from waypost.booking.orders import KeptOrder, order_id
from waypost.booking.pools import Pool, PoolIssuer, PoolKind, Pools
from waypost.booking.sheets import Table
from waypost.booking.sorting import PLACES, Sorter
from waypost.booking.sorting.addresses import place_of_address
from waypost.booking.sorting.codes import CodeState, SortCodes
from waypost.booking.sorting.lessons import Lessons, code_of, learn_file
from waypost.booking.sorting.records import sorters as kept_sorters
from waypost.booking.sorting.sheets import read_deliveries, try_out
from waypost.booking.sorting.shelf import KEPT, Sorters
from waypost.engines.reference import open_reference
from waypost.model.errors import BadInput, NotFound
from waypost.model.instants import DAY_MS, OffsetSource
from waypost.model.places import Facility, FacilityKind, Place
from waypost.network.facilities import Facilities
from waypost.track.fold import StatusFold
from waypost.track.reception import Reception
from waypost.track.tables import bundled_tables
from waypost.track.wire import read_json_array

ROADS = ("文三路", "莫干山路", "天目山路", "中山路", "解放路", "建国路")


def address_at(road: int, number: int) -> Address:
    return Address(
        name="王小明",
        country="CN",
        province="浙江省",
        city="杭州市",
        county="西湖区",
        street=f"{ROADS[road]}{number}号",
        phone="13800001111",
    )


def code_at(road: int) -> str:
    return f"571-A{road % 2}-{road:02d}"


def told(count: int) -> list[dict[str, Any]]:
    rows = []
    for each in range(count):
        address = address_at(each % 6, each % 90 + 1)
        rows.append(
            {"street": address.street, "code": code_at(each % 6), "delivered": "2026-11-01"}
            | {name: getattr(address, name) for name in ("country", "province", "city", "county")}
        )
    return rows


def sheet(rows: list[dict[str, Any]]) -> list[Table]:
    columns = {name: [str(row.get(name, "")) for row in rows] for name in rows[0]}
    return [Table(columns, list(range(2, len(rows) + 2)), [])]


class Room:
    """A carrier without an API that prints our labels, and a sorter for it."""

    def __init__(self, desk: Desk, threshold: float = 0.9) -> None:
        self.desk = desk
        self.tables = bundled_tables()
        self.memory = open_reference(StatusFold(self.tables))
        self.memory = msgspec.structs.replace(self.memory, records=desk.records)
        self.facilities = Facilities(desk.records)
        pools = Pools(desk.records)
        pools.add(
            Pool(
                name="rural",
                carrier="ruralpost",
                branch="",
                kind=PoolKind.PLAIN,
                prefix="RP",
                suffix="CN",
                width=6,
                first=0,
                last=9_999,
                next=0,
                alarm=0,
            ),
            1,
        )
        self.sorters = Sorters(desk.records, lambda: desk.seal)
        self.codes = SortCodes(self.sorters, desk.book, desk.records, ["ruralpost"], threshold)
        self.lessons = Lessons(self.sorters, desk.book, self.memory, self.tables, self.facilities, ["ruralpost"])
        issuers: Any = {"rural": PoolIssuer(pools, "rural", "ruralpost", desk.clock)}
        labels = Labels({}, desk.records, lambda: desk.seal)
        self.bookings = Bookings(desk.book, desk.records, issuers, desk.outlook, labels, desk.clock, self.codes)
        self.reception = Reception(
            self.memory, lambda pairs: [("UTC", OffsetSource.CARRIER) for _ in pairs], desk.clock
        )

    def book(self, reference: str, consignee: Address) -> KeptOrder:
        order = self.desk.draft(reference, consignee=consignee, account="rural")
        [entry] = self.bookings.enter(self.desk.merchant, [(0, order)]).entries
        self.desk.book.confirm(self.desk.merchant, entry.id, "rural", self.desk.clock())
        self.bookings.carry_out([entry.id])
        return self.desk.book.get(self.desk.merchant, entry.id)

    def learn(self, count: int = 240) -> None:
        labelled = read_deliveries("past.csv", sheet(told(count)), "", 1)
        assert not labelled.refusals
        assert learn_file(self.sorters, "ruralpost", "past.csv", "digest", labelled.deliveries, 1) is not None

    def keep(self, *rows: dict[str, Any]) -> None:
        receipt = self.reception.receive(read_json_array(msgspec.json.encode(rows), 1000))
        assert receipt.refusals == []
        assert self.memory.index.catch_up(receipt.end, 5)


@pytest.fixture
def room() -> Iterator[Room]:
    with open_desk("correios") as desk:
        yield Room(desk)


def test_a_parcel_gets_its_code_when_it_is_booked_and_its_label_says_it(room: Room) -> None:
    room.learn()
    kept = room.book("SALE-1", address_at(3, 17))
    assert [parcel.sort_code for parcel in kept.parcels] == [code_at(3)]
    [given], _ = room.codes.list_page(None, None, None, 10)
    assert (given.state, given.why, given.code) == (CodeState.GIVEN, "", code_at(3))
    assert given.confidence >= 0.9
    room.desk.papers._bookings = room.bookings
    assert code_at(3).encode() in room.desk.papers.print_label(room.desk.merchant, kept.id, 0, "zpl").content


def test_what_its_carrier_says_stays_and_other_carriers_get_none(room: Room) -> None:
    room.learn()
    [order] = room.desk.enter(room.desk.draft("SALE-2", consignee=address_at(3, 17)))
    kept = room.desk.confirm(order)
    issued = room.desk.issuers["correios"]
    assert issued.carrier == "correios"
    assert room.codes.choose([]) == {}
    assert room.codes.list_page(None, None, None, 10) == ([], None)
    assert kept.parcels[0].sort_code == ""


def test_what_nobody_knows_waits_and_an_answer_teaches(room: Room) -> None:
    kept = room.book("SALE-1", address_at(2, 5))
    assert kept.parcels[0].sort_code == ""
    [waiting], cursor = room.codes.list_page(CodeState.MANUAL, "ruralpost", None, 10)
    assert cursor is None
    assert (waiting.guess, waiting.confidence, waiting.order) == ("", 0.0, kept.id)
    assert waiting.consignee == kept.order.consignee
    for wrong in ("", "571 A1", "571--07", "x" * 65, "571\n"):
        with pytest.raises(BadInput, match=r"sort code|empty part"):
            room.codes.answer(waiting.parcel, wrong, "key", 5)
    with pytest.raises(NotFound):
        room.codes.answer("W0", "571", "key", 5)
    answered = room.codes.answer(waiting.parcel, "571-A0-02", "key", room.desk.clock())
    assert (answered.state, answered.code) == (CodeState.ANSWERED, "571-A0-02")
    assert room.desk.book.get(None, kept.id).parcels[0].sort_code == "571-A0-02"
    assert room.codes.list_page(CodeState.MANUAL, None, None, 10)[0] == []
    assert room.lessons.learn(room.desk.clock()) == 1
    assert room.lessons.learn(room.desk.clock()) == 0
    room.book("SALE-2", address_at(2, 5))
    [again], _ = room.codes.list_page(CodeState.MANUAL, None, None, 10)
    assert (again.guess, again.code) == ("571-A0-02", "")
    assert "too little was learnt" in again.why


def test_what_is_sure_of_a_code_is_given_and_the_rest_asked(room: Room) -> None:
    rows = [row | {"code": f"571-A{place % 2}-{place % 7:02d}"} for place, row in enumerate(told(400))]
    labelled = read_deliveries("past.csv", sheet(rows), "", 1)
    learn_file(room.sorters, "ruralpost", "past.csv", "d", labelled.deliveries, 1)
    kept = room.book("SALE-1", address_at(3, 17))
    [waiting], _ = room.codes.list_page(CodeState.MANUAL, None, None, 10)
    assert (waiting.code, kept.parcels[0].sort_code) == ("571-A1", "571-A1")
    assert waiting.guess.startswith("571-A1-")


def test_pages_follow_one_another(room: Room) -> None:
    for each in range(5):
        room.book(f"SALE-{each}", address_at(each, 1))
    seen, after = [], None
    while True:
        page, after = room.codes.list_page(CodeState.MANUAL, None, after, 2)
        seen += [each.number for each in page]
        if after is None:
            break
    assert sorted(seen) == [f"RP{each:06d}CN" for each in range(5)]
    with pytest.raises(BadInput):
        room.codes.list_page(None, None, "nonsense", 2)


def place(code: str, kind: FacilityKind) -> Facility:
    return Facility(carrier="ruralpost", code=code, name=code, kind=kind, place=Place(zone="UTC"))


HUB, FAR, OUTLET, FIRST = (
    place("HGH", FacilityKind.HUB),
    place("CAN-1", FacilityKind.HUB),
    place("A-7", FacilityKind.OUTLET),
    place("B1", FacilityKind.OUTLET),
)


def test_the_code_of_a_way_is_its_last_hub_and_the_outlet_behind_it() -> None:
    assert code_of([FIRST, FAR, HUB, OUTLET]) == "HGH-A_7"
    assert code_of([FIRST, FAR]) == "CAN_1"
    assert code_of([FIRST, OUTLET]) is None
    assert code_of([]) is None


def test_deliveries_teach_once_each(room: Room) -> None:
    room.facilities.keep([HUB, FAR, OUTLET, FIRST])
    ways = {"SALE-1": "delivered", "SALE-2": "out_for_delivery", "SALE-3": "delivered"}
    booked = {name: room.book(name, address_at(1, 8)).parcels[0].number for name in ways}
    for name, number in booked.items():
        room.keep(
            scan(number, "picked_up", "2026-11-20T08:00:00Z", "B1", "ruralpost"),
            scan(number, "arrived_at_hub", "2026-11-20T18:00:00Z", "CAN-1", "ruralpost"),
            scan(number, "arrived_at_hub", "2026-11-21T05:00:00Z", "HGH", "ruralpost"),
            *(
                [scan(number, "arrived_at_destination", "2026-11-21T08:00:00Z", "A-7", "ruralpost")]
                * (name != "SALE-3")
            ),
            scan(number, ways[name], "2026-11-21T12:00:00Z", None, "ruralpost"),
        )
    now = room.desk.clock()
    assert room.lessons.learn(now) == 2
    assert room.lessons.learn(now) == 0
    sorter = room.sorters.get("ruralpost")
    assert sorter.counts.codes == ("HGH", "HGH-A_7")
    [kept] = room.sorters.list_all()
    assert (kept.carrier, kept.version, kept.deliveries) == ("ruralpost", 1, 2)
    room.keep(scan(booked["SALE-2"], "delivered", "2026-11-21T14:00:00Z", None, "ruralpost"))
    assert room.lessons.learn(now) == 1
    room.sorters.forget("ruralpost", now)
    assert room.sorters.get("ruralpost").counts.codes == ()
    erasure = Erasure(room.desk.records, room.desk.book, lambda: room.desk.seal, lambda waybills: {})
    erasure.erase(None, order_id(room.desk.merchant, "SALE-1"), now, on_the_way=True)
    assert room.lessons.learn(now) == 2  # nobody knows any more where SALE-1 went
    assert room.lessons.learn(now + 200 * DAY_MS) == 0


def test_a_file_is_learnt_once_and_old_versions_go(room: Room) -> None:
    room.learn()
    labelled = read_deliveries("past.csv", sheet(told(240)), "", 1)
    assert learn_file(room.sorters, "ruralpost", "again.csv", "digest", labelled.deliveries, 2) is None
    for each in range(KEPT + 2):
        assert learn_file(room.sorters, "ruralpost", "more.csv", f"{each}", labelled.deliveries, 2) is not None
    [kept] = room.sorters.list_all()
    assert (kept.version, kept.deliveries) == (KEPT + 3, 240 * (KEPT + 3))
    with room.desk.records.read() as connection:
        assert connection.exec_driver_sql("select count(*) from sorters").scalar() == KEPT


def test_what_was_forgotten_beside_a_server_does_not_come_back(room: Room) -> None:
    room.learn()
    assert len(room.sorters.get("ruralpost").counts.codes) > 1  # the server has read it
    command = Sorters(room.desk.records, lambda: room.desk.seal)
    command.forget("ruralpost", 2)
    assert command.list_all() == []
    labelled = read_deliveries("corrected.csv", sheet([told(1)[0] | {"code": "999-Z9-99"}]), "", 1)
    assert learn_file(command, "ruralpost", "corrected.csv", "corrected", labelled.deliveries, 3) is not None
    codes = command.get("ruralpost").counts.codes
    assert "571-A0-00" not in codes
    assert room.sorters.get("ruralpost").counts.codes == codes
    assert learn_file(room.sorters, "ruralpost", "more.csv", "more", labelled.deliveries, 4) is not None
    [kept] = room.sorters.list_all()
    assert kept.deliveries == 2


def test_two_who_learn_at_once_lose_nothing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.learn()
    other = Sorters(room.desk.records, lambda: room.desk.seal)
    labelled = read_deliveries("past.csv", sheet(told(60)), "", 1)
    before = int(room.sorters.get("ruralpost").counts.count.sum())
    quietly = Sorter.learn

    def learn(self: Sorter, deliveries: pa.Table) -> Sorter:
        """While this one learns, the other is quicker."""
        monkeypatch.setattr(Sorter, "learn", quietly)
        assert other.learn("ruralpost", labelled.deliveries, 4, lambda connection: None) is not None
        return quietly(self, deliveries)

    monkeypatch.setattr(Sorter, "learn", learn)
    kept = room.sorters.learn("ruralpost", labelled.deliveries, 5, lambda connection: None)
    assert kept is not None
    assert (kept.version, kept.deliveries) == (3, 360)
    assert int(room.sorters.get("ruralpost").counts.count.sum()) == before * 360 // 240


def test_a_sorter_that_cannot_be_read_holds_no_booking_up(room: Room) -> None:
    room.learn()
    with room.desk.records.begin() as connection:
        body = room.desk.seal.seal(b"of another version", "ruralpost/1")
        connection.execute(update(kept_sorters).values(body=body))
    room.sorters._known.clear()
    kept = room.book("SALE-1", address_at(3, 17))
    assert kept.parcels[0].number == "RP000000CN"
    [waiting], _ = room.codes.list_page(CodeState.MANUAL, None, None, 10)
    assert "these bytes are no sorter" in waiting.why


def test_a_sheet_tells_row_by_row_what_is_wrong() -> None:
    good = {"code": "571-A1-07", "city": "Lisboa", "country": "pt", "postcode": "1100-148", "delivered": "2026-11-01"}
    rows = [
        good,
        good | {"code": ""},
        good | {"country": ""},
        good | {"delivered": "yesterday"},
        good | {"delivered": "2026-02-30"},
        good | {"city": "", "postcode": ""},
        good | {"delivered": "2026-11-01T10:00:00+01:00", "colour": "red"},
    ]
    table = Table({name: [row.get(name, "") for row in rows] for name in (*good, "colour")}, list(range(2, 9)), [])
    labelled = read_deliveries("past.csv", [table], "", 7)
    assert [(each.line, each.field) for each in labelled.refusals] == [
        (3, "code"),
        (4, "country"),
        (5, "delivered"),
        (6, "delivered"),
        (7, "city"),
    ]
    assert labelled.ignored == ["colour"]
    assert labelled.deliveries.num_rows == 2
    assert labelled.deliveries["country"].to_pylist() == ["PT", "PT"]
    with pytest.raises(BadInput, match="lacks the column code"):
        read_deliveries("past.csv", [Table({"city": ["x"]}, [2], [])], "", 7)
    with pytest.raises(BadInput, match="lacks the column address"):
        read_deliveries("past.csv", [Table({"code": ["x"]}, [2], [])], "", 7)


def test_one_text_and_columns_are_the_same_place() -> None:
    rows = [{"code": "571", "address": "浙江杭州西湖区文三路17号"}]
    read = read_deliveries("past.csv", sheet(rows), "", 7).deliveries.select(PLACES.names).to_pylist()
    assert read == [place_of_address(address_at(0, 17))]
    assert place_of_address(msgspec.structs.replace(address_at(0, 17), province="浙江", city="杭州")) == read[0]
    latin = Address(name="x", country="CN", city="Hangzhou", street="17 Wensan Rd")
    assert place_of_address(latin)["city"] == "Hangzhou"


def test_how_well_a_file_is_told_is_asked_of_rows_that_were_not_learnt() -> None:
    deliveries = read_deliveries("past.csv", sheet(told(300)), "", 1).deliveries
    trial = try_out(Sorter.empty(), deliveries, [0.0, 0.9])
    assert (trial.learnt, trial.held_out, trial.new_codes) == (240, 60, 0)
    assert trial.curve[0].answered == 1.0
    assert trial.curve[0].right is not None
    assert trial.curve[0].right > 0.95
    strange = deliveries.set_column(6, "code", pa.array([f"new-{row}" for row in range(300)]))
    worse = try_out(Sorter.empty(), strange, [0.0])
    assert worse.new_codes == 60
    assert worse.curve[0].right == 0.0
    assert try_out(Sorter.empty(), deliveries.slice(0, 1)).held_out == 0
