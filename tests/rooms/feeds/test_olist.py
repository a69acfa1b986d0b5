"""The reader of Olist's files, held against a plain reading of the same files, and against small bad ones."""

import csv
import datetime as dt
import gzip
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from waypost.feeds.kinds import open_feed
from waypost.feeds.olist import OlistFeed
from waypost.model.errors import BadInput
from waypost.model.instants import OffsetSource, TimeFlag
from waypost.model.places import FacilityKind

BRASILIA = ZoneInfo("America/Sao_Paulo")
WEST = {"AC", "AM", "MS", "MT", "RO", "RR"}
STAMPS = {
    "purchased": "order_purchase_timestamp",
    "approved": "order_approved_at",
    "handed_over": "order_delivered_carrier_date",
    "delivered": "order_delivered_customer_date",
}

Row = dict[str, str]


def rows_of(data_folder: Path, name: str) -> Iterator[Row]:
    path = data_folder / "olist" / f"olist_{name}_dataset.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def utc_ms(text: str) -> int:
    """Brasilia time by the standard library alone; fold 0 is the earlier of a repeated hour."""
    local = dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BRASILIA)
    return int(local.timestamp() * 1000)


def happened_twice(text: str) -> bool:
    local = dt.datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BRASILIA)
    return local.utcoffset() != local.replace(fold=1).utcoffset()


@pytest.fixture(scope="module")
def real(data_folder: Path, read: Callable):
    return read("olist", data_folder / "olist")


def test_every_stamp_of_every_order_becomes_its_scan(real, data_folder: Path) -> None:
    expected = {
        (row["order_id"], code): utc_ms(row[field])
        for row in rows_of(data_folder, "orders")
        for code, field in STAMPS.items()
        if row[field]
    }
    found = {(scan["number"], scan["code"]): scan["at_ms"] for scan in real.scans if scan["code"] in STAMPS}
    assert len(expected) == 121_395
    assert found == expected
    assert {scan["carrier"] for scan in real.scans} == {"olist"}
    assert {scan["offset_source"] for scan in real.scans} == {OffsetSource.CARRIER}


def test_stamps_of_a_repeated_hour_are_flagged(real, data_folder: Path) -> None:
    expected = Counter(
        (row["order_id"], code)
        for row in rows_of(data_folder, "orders")
        for code, field in STAMPS.items()
        if row[field] and happened_twice(row[field])
    )
    flagged = Counter(
        (scan["number"], scan["code"]) for scan in real.scans if scan["time_flags"] == TimeFlag.REPEATED_HOUR
    )
    assert sum(expected.values()) > 5
    assert flagged == expected
    closing = [scan for scan in real.scans if scan["code"] in ("canceled", "unavailable")]
    assert closing
    assert all(scan["time_flags"] & TimeFlag.NOT_BEFORE for scan in closing)
    others = [scan for scan in real.scans if scan["code"] not in ("canceled", "unavailable")]
    assert all(scan["time_flags"] in (0, TimeFlag.REPEATED_HOUR) for scan in others)


def test_orders_without_a_stamp_of_their_end_are_closed_at_the_last_one(real, data_folder: Path) -> None:
    expected = {
        (row["order_id"], row["order_status"]): max(utc_ms(row[field]) for field in STAMPS.values() if row[field])
        for row in rows_of(data_folder, "orders")
        if row["order_status"] in ("canceled", "unavailable")
    }
    closing = [scan for scan in real.scans if scan["code"] not in STAMPS]
    assert Counter(code for _, code in expected) == {"canceled": 145, "unavailable": 172}
    assert {(scan["number"], scan["code"]): scan["at_ms"] for scan in closing} == expected
    assert {scan["note"] for scan in closing} == {"the source does not say when; not before this"}


def test_all_orders_are_parcels_with_their_promise(real, data_folder: Path) -> None:
    orders = {row["order_id"]: row for row in rows_of(data_folder, "orders")}
    assert len(real.parcels) == len(orders) == 30_665
    assert real.refusals == []
    for parcel in real.parcels:
        day = orders[parcel.waybill.number]["order_estimated_delivery_date"][:10]
        promised = dt.datetime.fromtimestamp(parcel.promised_ms / 1000, BRASILIA)
        assert promised.strftime("%Y-%m-%d %H:%M:%S") == f"{day} 23:59:59"
        assert parcel.order_number == parcel.waybill.number


def test_weights_are_the_sum_over_the_items(real, data_folder: Path) -> None:
    weights = {row["product_id"]: row["product_weight_g"] for row in rows_of(data_folder, "products")}
    items: dict[str, list[str]] = defaultdict(list)
    for row in rows_of(data_folder, "order_items"):
        items[row["order_id"]].append(weights[row["product_id"]])
    expected = {order: sum(map(int, texts)) if all(texts) else None for order, texts in items.items()}
    assert {parcel.waybill.number: parcel.weight_g for parcel in real.parcels if parcel.waybill.number in items} == (
        expected
    )
    assert sum(parcel.weight_g is None for parcel in real.parcels) > 200  # orders without items


def test_parcels_go_from_the_sellers_city_to_the_buyers(real, data_folder: Path) -> None:
    buyers = {row["customer_id"]: row["customer_state"] for row in rows_of(data_folder, "customers")}
    orders = {row["order_id"]: buyers[row["customer_id"]] for row in rows_of(data_folder, "orders")}
    differ = [parcel for parcel in real.parcels if parcel.destination.region != orders[parcel.waybill.number]]
    assert len(differ) < 10  # rows that contradict all others of their zip code
    assert {parcel.destination.country for parcel in real.parcels} == {"BR"}
    cities = Counter(parcel.destination.city for parcel in real.parcels)
    assert cities.most_common(2)[0][0] == "São Paulo"
    assert cities["Rio de Janeiro"] > 1000
    assert None not in cities


def test_orders_of_several_sellers_are_one_parcel_with_a_note(real, data_folder: Path) -> None:
    sellers: dict[str, set[str]] = defaultdict(set)
    for row in rows_of(data_folder, "order_items"):
        sellers[row["order_id"]].add(row["seller_id"])
    several = {order for order, found in sellers.items() if len(found) > 1}
    noted = {parcel.waybill.number for parcel in real.parcels if "sellers, one handover" in (parcel.note or "")}
    assert len(several) == 339
    assert noted == several


def test_notes_say_what_the_source_does_not_date(real) -> None:
    notes = Counter(
        note
        for parcel in real.parcels
        for note in (parcel.note or "").split("; ")
        if note.endswith("the source does not say when")
    )
    assert {note.split(":")[0]: count for note, count in notes.items()} == {
        "unavailable": 172,
        "canceled": 145,
        "invoiced": 84,
        "processing": 78,
        "delivered": 1,
    }


def test_deliveries_in_the_west_have_a_place_with_its_own_zone(real, data_folder: Path) -> None:
    zones = {facility.code: facility.place.zone for facility in real.facilities}
    regions = {facility.code: facility.place.region for facility in real.facilities}
    west = [parcel for parcel in real.parcels if parcel.destination.region in WEST]
    assert len(west) == 636
    numbers = {parcel.waybill.number for parcel in west}
    delivered = [scan for scan in real.scans if scan["code"] == "delivered" and scan["number"] in numbers]
    assert len(delivered) > 600
    assert {regions[scan["facility"]] for scan in delivered} == WEST
    assert {zones[scan["facility"]] for scan in delivered} == {
        "America/Boa_Vista",
        "America/Campo_Grande",
        "America/Cuiaba",
        "America/Manaus",
        "America/Porto_Velho",
        "America/Rio_Branco",
    }


def test_places_are_real(real, data_folder: Path) -> None:
    prefixes = {row["customer_zip_code_prefix"].zfill(5) for row in rows_of(data_folder, "customers")}
    prefixes |= {row["seller_zip_code_prefix"] for row in rows_of(data_folder, "sellers")}
    by_code = {facility.code: facility for facility in real.facilities}
    assert set(by_code) == {f"zip {prefix}" for prefix in prefixes}
    assert {facility.kind for facility in real.facilities} == {FacilityKind.AREA}
    praca_da_se = by_code["zip 01001"].place
    assert (praca_da_se.city, praca_da_se.region) == ("São Paulo", "SP")
    assert (praca_da_se.latitude, praca_da_se.longitude) == pytest.approx((-23.55, -46.634), abs=0.01)
    located = [facility.place for facility in real.facilities if facility.place.latitude is not None]
    assert len(located) > 0.98 * len(real.facilities)
    assert all(-34 < place.latitude < 6 and -74 < place.longitude < -28 for place in located)
    assert not any("@" in facility.name for facility in real.facilities)


def test_scans_have_the_places_where_they_happen(real, data_folder: Path) -> None:
    zips = {row["customer_id"]: row["customer_zip_code_prefix"].zfill(5) for row in rows_of(data_folder, "customers")}
    orders = {row["order_id"]: f"zip {zips[row['customer_id']]}" for row in rows_of(data_folder, "orders")}
    places: dict[str, set[str | None]] = defaultdict(set)
    for scan in real.scans:
        places[scan["code"]].add(scan["facility"])
        if scan["code"] == "delivered":
            assert scan["facility"] == orders[scan["number"]]
    assert places["purchased"] == places["approved"] == places["canceled"] == {None}
    missing = sum(scan["code"] == "handed_over" and scan["facility"] is None for scan in real.scans)
    assert 0 < missing <= 339  # only where sellers in different places had one handover


def test_share_grows_to_one(real) -> None:
    assert real.shares == sorted(real.shares)
    assert real.shares[-1] == 1.0
    assert len(real.shares) > 10


TABLES = {
    "orders": [
        "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_delivered_carrier_date,"
        "order_delivered_customer_date,order_estimated_delivery_date",
        "o1,c1,delivered,2018-01-02 10:00:00,2018-01-02 10:05:00,2018-01-03 09:00:00,2018-01-09 18:00:00,"
        "2018-01-20 00:00:00",
    ],
    "customers": [
        "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state",
        "c1,u1,4841,sao paulo,SP",
    ],
    "sellers": ["seller_id,seller_zip_code_prefix,seller_city,seller_state", "s1,78005,cuiaba,MT"],
    "products": ["product_id,product_weight_g", "p1,700"],
    "order_items": ["order_id,order_item_id,product_id,seller_id", "o1,1,p1,s1", "o1,2,p1,s1"],
    "geolocation": [
        "geolocation_zip_code_prefix,geolocation_lat,geolocation_lng,geolocation_city,geolocation_state",
        "4841,-23.7,-46.7,sao paulo,SP",
        "4841,-23.8,-46.8,são paulo,SP",
        "4841,-23.9,-46.9,sao paulo,SP",
        "4841,41.1,-8.6,porto,SP",
    ],
}
ORDERS = "olist_orders_dataset.csv"
_, ORDER = TABLES["orders"]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes a small data set, with some of its tables replaced."""

    def write(**tables: list[str]) -> Path:
        for name, lines in (TABLES | tables).items():
            (tmp_path / f"olist_{name}_dataset.csv").write_text("\n".join(lines) + "\n", "utf-8")
        return tmp_path

    return write


def test_a_small_data_set(write: Callable, read: Callable) -> None:
    found = read("olist", write())
    assert [(scan["code"], scan["facility"]) for scan in found.scans] == [
        ("purchased", None),
        ("approved", None),
        ("handed_over", "zip 78005"),
        ("delivered", "zip 04841"),
    ]
    (parcel,) = found.parcels
    assert (parcel.weight_g, parcel.note) == (1400, None)
    assert (str(parcel.origin), str(parcel.destination)) == ("Cuiabá, MT, BR", "São Paulo, SP, BR")
    home, shop = found.facilities
    assert (home.place.latitude, home.place.longitude) == (-23.8, -46.8)  # the median, without Portugal
    assert (home.code, home.name, home.place.zone) == ("zip 04841", "São Paulo (04841)", "America/Sao_Paulo")
    assert (shop.place.latitude, shop.place.zone) == (pytest.approx(-15.6, abs=0.01), "America/Cuiaba")


def test_one_of_the_files_stands_for_its_folder(write: Callable, read: Callable) -> None:
    assert len(read("olist", write() / ORDERS).parcels) == 1


def test_an_hour_that_never_was(write: Callable, read: Callable) -> None:
    order = ORDER.replace("2018-01-02 10:00:00", "2017-10-15 00:30:00")
    found = read("olist", write(orders=[TABLES["orders"][0], order]))
    scan = found.scans[0]
    assert scan["at_ms"] == int(dt.datetime(2017, 10, 15, 3, 30, tzinfo=dt.UTC).timestamp() * 1000)
    assert (scan["time_flags"], scan["offset_min"]) == (TimeFlag.SKIPPED_HOUR, -120)


def test_the_promise_of_a_day_whose_last_hour_comes_twice(write: Callable, read: Callable) -> None:
    order = ORDER.replace("2018-01-20 00:00:00", "2018-02-17 00:00:00")
    (parcel,) = read("olist", write(orders=[TABLES["orders"][0], order])).parcels
    assert parcel.promised_ms == int(dt.datetime(2018, 2, 18, 2, 59, 59, tzinfo=dt.UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("order", "refusal", "codes"),
    [
        (
            ORDER.replace("2018-01-09 18:00:00", "2018-02-30 18:00:00"),
            (2, "order_delivered_customer_date", "names a date that does not exist"),
            ["purchased", "approved", "handed_over"],
        ),
        (
            ORDER.replace("2018-01-20 00:00:00", "soon"),
            (
                2,
                "order_estimated_delivery_date",
                "is not a date and time; write it as 2026-11-22T10:00:00+08:00",
            ),
            ["purchased", "approved", "handed_over", "delivered"],
        ),
        (ORDER.removeprefix("o1"), (2, "order_id", "is missing"), []),
        (ORDER.replace("o1", "o" * 10_000), (2, "order_id", "is longer than 64 characters"), []),
        (
            ORDER.replace("o1", "o\x00"),
            (2, "order_id", "has characters that no waybill number has (printable ASCII only)"),
            [],
        ),
        (ORDER + ",", (2, "", "has 9 fields where the header has 8: a comma too many"), []),
    ],
)
def test_a_bad_order_is_refused_as_far_as_it_is_bad(
    write: Callable, read: Callable, order: str, refusal: tuple[int, str, str], codes: list[str]
) -> None:
    good = ORDER.replace("o1", "o2")
    found = read("olist", write(orders=[TABLES["orders"][0], order, good]))
    assert found.told() == [refusal]
    assert {each.file for each in found.refusals} == {ORDERS}
    assert [scan["code"] for scan in found.scans if scan["number"] != "o2"] == codes
    assert sorted(scan["code"] for scan in found.scans if scan["number"] == "o2") == sorted(STAMPS)


@pytest.mark.parametrize(
    ("table", "row", "refusal"),
    [
        ("products", "p1,-5", ("product_weight_g", "'-5' is negative")),
        ("products", "p1,heavy", ("product_weight_g", "'heavy' is no number")),
        ("customers", "c1,u1,SW1A,sao paulo,SP", ("customer_zip_code_prefix", "is no zip code prefix: five digits")),
        ("customers", "c1,u1,4841,sao paulo,XX", ("customer_state", "is no state of Brazil: two letters such as SP")),
        ("sellers", "s1,78005,cuiaba", ("seller_state", "has 3 fields where the header has 4: a comma too few")),
        ("order_items", "o1,1,p1,", ("seller_id", "is missing")),
        ("geolocation", "4841,north,-46.7,sao paulo,SP", ("geolocation_lat", "is no pair of degrees")),
    ],
)
def test_a_bad_row_beside_the_orders_does_not_take_the_order_away(
    write: Callable, read: Callable, table: str, row: str, refusal: tuple[str, str]
) -> None:
    found = read("olist", write(**{table: [TABLES[table][0], row]}))
    ((line, field, reason),) = found.told()
    assert (line, field) == (2, refusal[0])
    assert reason.startswith(refusal[1])
    assert found.refusals[0].file == f"olist_{table}_dataset.csv"
    assert len(found.parcels) == 1
    assert len(found.scans) == 4


def test_a_delivery_before_the_handover_goes_in(write: Callable, read: Callable) -> None:
    order = ORDER.replace("2018-01-09 18:00:00", "2018-01-02 18:00:00")
    found = read("olist", write(orders=[TABLES["orders"][0], order]))
    assert len(found.scans) == 4
    assert found.refusals == []


def test_sellers_in_two_places_leave_the_handover_without_one(write: Callable, read: Callable) -> None:
    found = read(
        "olist",
        write(
            sellers=[*TABLES["sellers"], "s2,1001,sao paulo,SP"],
            order_items=[*TABLES["order_items"], "o1,3,p1,s2"],
        ),
    )
    (parcel,) = found.parcels
    assert (parcel.origin, parcel.note, parcel.weight_g) == (None, "2 sellers, one handover", 2100)
    assert [scan["facility"] for scan in found.scans if scan["code"] == "handed_over"] == [None]


def test_a_cut_file_of_orders_gives_the_orders_before_the_cut(write: Callable, read: Callable) -> None:
    folder = write()
    head, order = TABLES["orders"]
    text = "\n".join([head, *(order.replace("o1", f"o{number}") for number in range(1000))]) + "\n"
    whole = gzip.compress(text.encode(), 6)
    (folder / ORDERS).unlink()
    (folder / f"{ORDERS}.gz").write_bytes(whole[: len(whole) * 2 // 3])
    found = read("olist", folder)
    (refusal,) = found.refusals
    assert refusal.file == f"{ORDERS}.gz"
    assert refusal.reason.startswith("the gzip stream ends early")
    assert 100 < len(found.parcels) == refusal.line - 2 < 1000
    assert len(found.scans) == 4 * len(found.parcels)


def test_what_is_missing_is_named(write: Callable) -> None:
    folder = write()
    (folder / ORDERS).unlink()
    (folder / "olist_products_dataset.csv").unlink()
    with pytest.raises(BadInput, match=r"no olist_products_dataset.csv, olist_orders_dataset.csv") as error:
        open_feed("olist", folder)
    assert str(folder) in str(error.value)
    assert error.value.mend == "Give the folder that holds the CSV files of the public data set."


def test_the_same_table_twice_is_not_chosen_from(write: Callable) -> None:
    folder = write()
    (folder / f"{ORDERS}.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(BadInput, match=f"the same table twice: {ORDERS} and {ORDERS}.gz"):
        OlistFeed(folder)


def test_other_columns_name_the_file_and_both_lists(write: Callable, read: Callable) -> None:
    folder = write(orders=["order_id,customer", "o1,c1"])
    with pytest.raises(BadInput) as error:
        read("olist", folder)
    message = str(error.value)
    assert message.startswith(f"{ORDERS}: has other columns: it lacks 'customer_id', 'order_status'")
    assert "found: 'order_id', 'customer'." in message
    assert "Expected: order_id, customer_id, order_status, order_purchase_timestamp" in message
