"""The register of facilities: kept or refused together, remembered, and never older than what was kept."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest
from sqlalchemy.engine import Connection

from waypost.engines.reference import open_reference
from waypost.model.errors import BadInput
from waypost.model.places import Facility, FacilityKind, Place
from waypost.network.facilities import Facilities, check_facility
from waypost.store.protocols import Memory, Records
from waypost.testing import facility
from waypost.track.fold import StatusFold
from waypost.track.tables import bundled_tables

HGH = facility("HGH", "CN-Zhejiang", city="Hangzhou", zone="Asia/Shanghai")
PVG = facility("PVG", "CN-Shanghai", city="Shanghai", zone="Asia/Shanghai", kind=FacilityKind.GATEWAY)
ODD = Facility(
    carrier="correios",
    code="São Paulo'; --/01",
    name="<b>São Paulo</b>",
    kind=FacilityKind.AREA,
    place=Place(city="São Paulo", region="SP", country="BR", latitude=-23.5505, longitude=-46.6333),
)


class Counted:
    """Records that count how often they are read, and can do something in the middle of it."""

    def __init__(self, records: Records) -> None:
        self.reads = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self.begin = records.begin
        self._records = records

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        self.reads += 1
        with self._records.read() as connection:
            yield connection
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = open_reference(StatusFold(bundled_tables()))
    yield memory
    memory.close()


@pytest.fixture
def records(memory: Memory) -> Counted:
    return Counted(memory.records)


def test_facilities_come_back_as_they_were_kept(records: Counted) -> None:
    register = Facilities(records)
    assert register.keep([HGH, ODD, PVG]) == 3
    assert register.list_all() == [ODD, HGH, PVG]
    assert Facilities(records).find("correios", ODD.code) == ODD
    assert register.find_many([("yto", "PVG"), ("yto", "HGH"), ("yto", "X"), ("sto", "HGH")]) == {
        ("yto", "PVG"): PVG,
        ("yto", "HGH"): HGH,
    }


@pytest.mark.parametrize(("carrier", "code"), [("yto", "hgh"), ("sto", "HGH"), ("yto", ""), ("", "HGH"), ("yto", None)])
def test_what_nobody_kept_is_not_found(records: Counted, carrier: str, code: str | None) -> None:
    register = Facilities(records)
    register.keep([HGH])
    assert register.find(carrier, code) is None


def test_a_facility_is_brought_up_to_date(records: Counted) -> None:
    register = Facilities(records)
    register.keep([HGH])
    assert register.find("yto", "HGH") == HGH
    moved = msgspec.structs.replace(HGH, name="Hangzhou East", place=Place(zone="Asia/Urumqi"))
    assert register.keep([moved]) == 1
    assert register.find("yto", "HGH") == moved
    assert register.list_all() == [moved]
    register.keep([HGH, moved])
    assert register.list_all() == [moved]


def test_nothing_is_kept_of_nothing(records: Counted) -> None:
    register = Facilities(records)
    assert register.keep([]) == 0
    assert register.find_many([]) == {}
    assert register.list_all() == []


def test_more_than_one_statement_takes(records: Counted) -> None:
    many = [facility(f"F{number:04}", "BR-SP") for number in range(1500)]
    register = Facilities(records)
    register.keep(many)
    assert Facilities(records).find_many(("yto", each.code) for each in many) == {
        ("yto", each.code): each for each in many
    }


# Page by page


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7])
def test_all_pages_together_have_every_facility_once(records: Counted, limit: int) -> None:
    register = Facilities(records)
    register.keep([facility(code, carrier=carrier) for carrier in ("yto-x", "yto", "correios") for code in ("/", "é")])
    seen, cursor = [], None
    for _ in range(10):
        page, cursor = register.list_page(None, cursor, limit)
        assert len(page) <= limit
        seen += page
        if cursor is None:
            break
    assert seen == register.list_all()
    assert len({(each.carrier, each.code) for each in seen}) == 6


def test_a_page_of_one_carrier_goes_on_also_if_facilities_came_since(records: Counted) -> None:
    register = Facilities(records)
    register.keep([HGH, ODD, PVG])
    page, cursor = register.list_page("yto", None, 1)
    assert page == [HGH]
    register.keep([facility("A"), facility("HH"), facility("HH", carrier="sto")])
    page, cursor = register.list_page("yto", cursor, 2)
    assert ([each.code for each in page], cursor) == (["HH", "PVG"], None)
    assert register.list_page("nobody", None, 2) == ([], None)


def test_a_cursor_that_is_none_of_ours_is_refused(records: Counted) -> None:
    with pytest.raises(BadInput, match="after: this cursor is none of ours"):
        Facilities(records).list_page(None, "yto/HGH", 2)


# What is remembered


def test_many_are_looked_up_in_one_visit_whether_they_are_known_or_not(records: Counted) -> None:
    register = Facilities(records)
    register.keep([HGH])
    keys = [("yto", f"X{number}") for number in range(2000)]
    assert register.find_many([*keys, ("yto", "HGH"), *keys]) == {("yto", "HGH"): HGH}
    assert records.reads == 1
    assert register.find_many(keys) == {}
    assert records.reads == 1


def test_known_and_unknown_facilities_are_looked_up_once(records: Counted) -> None:
    register = Facilities(records)
    register.keep([HGH])
    for _ in range(5):
        assert register.find("yto", "HGH") == HGH
        assert register.find("yto", "X") is None
    assert records.reads == 2
    register.find_many([("yto", "HGH"), ("yto", "X"), ("yto", "Y")])
    assert records.reads == 3


def test_one_that_was_unknown_is_found_once_it_is_kept(records: Counted) -> None:
    register = Facilities(records)
    assert register.find("yto", "HGH") is None
    register.keep([HGH])
    assert register.find("yto", "HGH") == HGH


def test_what_was_read_before_others_were_kept_is_not_remembered_after(records: Counted) -> None:
    """Else a facility kept while it was looked up would stay unknown for ever."""
    register = Facilities(records)
    records.meanwhile = lambda: [register.keep([HGH])].clear()
    assert register.find("yto", "HGH") is None
    assert register.find("yto", "HGH") == HGH


def test_what_was_found_is_answered_also_if_others_are_kept_meanwhile(records: Counted) -> None:
    register = Facilities(records)
    register.keep([HGH])
    assert register.find("yto", "HGH") == HGH
    records.meanwhile = lambda: [register.keep([PVG])].clear()
    assert register.find_many([("yto", "HGH"), ("yto", "X")]) == {("yto", "HGH"): HGH}


def test_many_threads_find_what_is_there(records: Counted) -> None:
    register = Facilities(records)
    many = [facility(f"F{number}") for number in range(50)]
    register.keep(many)
    wrong: list[str] = []

    def look() -> None:
        for each in many * 4:
            if register.find("yto", each.code) != each:
                wrong.append(each.code)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        register.keep(many[:3])
    for thread in threads:
        thread.join(30)
    assert not wrong


# What cannot be


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"carrier": ""}, "is no carrier code"),
        ({"carrier": "YTO"}, "is no carrier code"),
        ({"carrier": "y" * 33}, "is no carrier code"),
        ({"code": ""}, "the code has 1 to 128"),
        ({"code": "x" * 129}, "the code has 1 to 128"),
        ({"name": ""}, "the name 1 to 200"),
        ({"name": "x" * 201}, "the name 1 to 200"),
        ({"code": "A\nB"}, "the code has control characters: 'A\\nB'"),
        ({"name": "Hub\x1b[2J"}, "the name has control characters: 'Hub\\x1b[2J'"),
        ({"place": Place(city="S\u2028P")}, "the city has control characters"),
        ({"place": Place(region="\x9f")}, "the region has control characters"),
        ({"place": Place(latitude=90.5)}, "latitude 90.5 is off the globe"),
        ({"place": Place(longitude=float("nan"))}, "longitude nan is off the globe"),
        ({"place": Place(country="Brazil")}, "no ISO 3166-1 alpha-2"),
        ({"place": Place(zone="Mars/Olympus")}, "unknown time zone"),
    ],
)
def test_a_bad_one_is_named_and_none_is_kept(records: Counted, fields: dict[str, object], why: str) -> None:
    register = Facilities(records)
    bad = msgspec.structs.replace(HGH, **fields)
    with pytest.raises(BadInput) as caught:
        register.keep([PVG, bad, HGH])
    assert why in str(caught.value)
    name = f"{bad.carrier[:40]}/{bad.code[:40]}"
    assert caught.value.where == (f"facility {name}" if name.isprintable() else f"facility {name!r}")
    assert str(caught.value).isprintable()
    assert register.list_all() == []
    with pytest.raises(BadInput):
        check_facility(bad)


def test_limits_hold_to_the_letter() -> None:
    longest = msgspec.structs.replace(HGH, carrier="y" * 32, code="码" * 128, name="名" * 200)
    assert check_facility(longest) is longest
