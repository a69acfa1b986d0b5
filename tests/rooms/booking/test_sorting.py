"""Sort codes learnt from deliveries: of a small town whose truth is known."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.drawing import examples

from waypost.booking.sorting import ASSIGNED, DELIVERIES, PLACES, Sorter, place_of
from waypost.booking.sorting.places import Stretch, make_keys
from waypost.model.addresses import parse_chinese_address
from waypost.model.errors import BadInput, WrongFormat
from waypost.model.instants import DAY_MS

START_MS = 1_791_763_200_000
ROADS = {"文三路": "571-A1-01", "文二路": "571-A1-02", "教工路": "571-B1-01", "天目山路": "571-B1-02"}


def place(street: str, county: str = "西湖区", city: str = "杭州市") -> dict[str, str]:
    return {"country": "CN", "postcode": "", "province": "浙江省", "city": city, "county": county, "street": street}


def delivery(street: str, code: str, day: int = 0, **where: str) -> dict[str, object]:
    return {**place(street, **where), "code": code, "delivered_ms": START_MS + day * DAY_MS}


def table(rows: list[dict[str, object]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=DELIVERIES)


def places(*streets: str, **where: str) -> pa.Table:
    return pa.Table.from_pylist([place(street, **where) for street in streets], schema=PLACES)


def town(per_road: int = 60) -> pa.Table:
    rows = [
        delivery(f"{road}{number}号{number % 7}室", code, day=number)
        for number in range(1, per_road + 1)
        for road, code in ROADS.items()
    ]
    return table(rows)


@pytest.fixture(scope="module")
def sorter() -> Sorter:
    return Sorter.empty().learn(town())


def test_houses_never_seen_follow_their_road(sorter: Sorter) -> None:
    answers = sorter.assign(places(*(f"{road}333号" for road in ROADS)))
    assert answers["code"].to_pylist() == list(ROADS.values())
    assert min(answers["confidence"].to_pylist()) > 0.9


def test_the_same_door_counts_more_than_its_road(sorter: Sorter) -> None:
    moved = sorter.learn(table([delivery("文三路9号公寓9栋", "571-A1-09", day=61)] * 3))
    answers = moved.assign(places("文三路9号公寓9栋", "文三路300号"))
    assert answers["code"].to_pylist() == ["571-A1-09", "571-A1-01"]


def test_a_road_never_seen_is_left_to_a_person_but_its_hub_is_known(sorter: Sorter) -> None:
    answers = sorter.assign(places("莫干山路5号"), threshold=0.9).to_pylist()[0]
    assert answers["is_sure"] is False
    assert answers["confidence"] < 0.5
    assert answers["hub_confidence"] > 0.9
    assert answers["code"].startswith("571-")


def test_confidences_never_shrink_from_courier_to_hub(sorter: Sorter) -> None:
    streets = [*(f"{road}{number}号" for road in ROADS for number in (1, 500)), "莫干山路", "", "5号", "x"]
    for row in sorter.assign(places(*streets)).to_pylist():
        assert 0 <= row["confidence"] <= row["outlet_confidence"] <= row["hub_confidence"] <= 1


def test_the_threshold_decides_who_is_sure(sorter: Sorter) -> None:
    asked = places("文三路9号", "莫干山路5号")
    confidences = sorter.assign(asked)["confidence"].to_pylist()
    assert sorter.assign(asked, threshold=0.0)["is_sure"].to_pylist() == [True, True]
    assert sorter.assign(asked, threshold=confidences[0])["is_sure"].to_pylist() == [True, False]
    assert sorter.assign(asked, threshold=1.01)["is_sure"].to_pylist() == [False, False]


def test_where_nothing_is_known_there_is_no_code(sorter: Sorter) -> None:
    abroad = pa.Table.from_pylist([dict.fromkeys(PLACES.names, ""), {"country": "BR"}], schema=PLACES)
    for each in (sorter.assign(abroad), Sorter.empty().assign(abroad)):
        assert each.schema.equals(ASSIGNED)
        assert each["code"].to_pylist() == [None, None]
        assert each["confidence"].to_pylist() == [0.0, 0.0]
        assert each["is_sure"].to_pylist() == [False, False]
    assert len(sorter.assign(PLACES.empty_table())) == 0
    assert Sorter.empty().learn(DELIVERIES.empty_table()).to_bytes() == Sorter.empty().to_bytes()


def test_what_was_sorted_lately_counts_more() -> None:
    rows = [delivery("文三路1号", "571-A1-01", day=day) for day in range(30)]
    rows += [delivery("文三路1号", "571-A1-02", day=900 + day) for day in range(20)]
    asked = places("文三路1号")
    assert Sorter.empty(half_life_months=6).learn(table(rows)).assign(asked)["code"].to_pylist() == ["571-A1-02"]
    assert Sorter.empty(half_life_months=1e6).learn(table(rows)).assign(asked)["code"].to_pylist() == ["571-A1-01"]


def test_confidence_is_how_often_it_is_right() -> None:
    """A fifth of the deliveries to each road goes to somebody else."""
    chance = np.random.default_rng(1)
    codes = np.array(list(ROADS.values()))
    rows = []
    for day in range(3000):
        at = int(chance.integers(4))
        code = codes[at] if chance.random() < 0.8 else codes[(at + 1) % 4]
        rows.append(
            delivery(f"{list(ROADS)[at]}{chance.integers(1, 60)}号{chance.integers(1, 99)}室", str(code), day // 20)
        )
    learnt = Sorter.empty().learn(table(rows[:2000]))
    asked = table(rows[2000:])
    answers = learnt.assign(asked.select(PLACES.names))
    right = np.array(answers["code"].to_pylist()) == np.array(asked["code"].to_pylist())
    assert right.mean() == pytest.approx(0.8, abs=0.05)
    assert float(np.mean(answers["confidence"].to_numpy())) == pytest.approx(float(right.mean()), abs=0.05)


def test_a_hub_alone_is_a_code_too() -> None:
    rows = [
        {
            **dict.fromkeys(PLACES.names, ""),
            "country": "BR",
            "postcode": postcode,
            "code": code,
            "delivered_ms": START_MS,
        }
        for postcode, code in (("01310", "sao"), ("01311", "sao"), ("20040", "rio"), ("20041", "rio"))
        for _ in range(5)
    ]
    asked = pa.Table.from_pylist([{"country": "BR", "postcode": p} for p in ("01319", "20049", "20040")], schema=PLACES)
    assert Sorter.empty().learn(table(rows)).assign(asked)["code"].to_pylist() == ["sao", "rio", "rio"]


def test_merging_is_in_any_order_and_grouping_the_same() -> None:
    rows = town(12).to_pylist()
    parts = [Sorter.empty().learn(table(rows[begin::3])) for begin in range(3)]
    a, b, c = parts
    assert {one.merge(two).merge(three).to_bytes() for one, two, three in itertools.permutations(parts)} == {
        a.merge(b.merge(c)).to_bytes()
    }
    assert a.merge(Sorter.empty()).to_bytes() == Sorter.empty().merge(a).to_bytes() == a.to_bytes()


def test_merged_counts_are_those_of_all_at_once() -> None:
    rows = town(12).to_pylist()
    merged = Sorter.empty().learn(table(rows[:20])).merge(Sorter.empty().learn(table(rows[20:])))
    whole = Sorter.empty().learn(table(rows))
    later = Sorter.empty().learn(table(rows[:20])).learn(table(rows[20:]))
    for other in (merged, later):
        assert other.counts.codes == whole.counts.codes
        for mine, its in zip(
            (other.counts.key, other.counts.code, other.counts.month, other.counts.count),
            (whole.counts.key, whole.counts.code, whole.counts.month, whole.counts.count),
            strict=True,
        ):
            assert np.array_equal(mine, its)


def test_learning_leaves_the_one_before_as_it_was(sorter: Sorter) -> None:
    before = sorter.to_bytes()
    sorter.learn(town(5)).merge(sorter)
    assert sorter.to_bytes() == before


def test_bytes_bring_back_the_same(sorter: Sorter) -> None:
    again = Sorter.from_bytes(sorter.to_bytes())
    asked = places("文三路9号", "莫干山路5号", "教工路")
    assert again.assign(asked).equals(sorter.assign(asked))
    assert again.to_bytes() == sorter.to_bytes()
    empty = Sorter.from_bytes(Sorter.empty(3.5).to_bytes())
    assert (empty.half_life_months, len(empty.counts.key)) == (3.5, 0)


def test_other_bytes_are_refused(sorter: Sorter) -> None:
    kept = sorter.to_bytes()
    with pytest.raises(WrongFormat, match="no sorter"):
        Sorter.from_bytes(b"hello")
    with pytest.raises(WrongFormat, match="no sorter"):
        Sorter.from_bytes(kept[:-20])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, PLACES) as writer:
        writer.write_table(PLACES.empty_table())
    with pytest.raises(WrongFormat, match=r"of format \?, not 1"):
        Sorter.from_bytes(sink.getvalue().to_pybytes())


def test_bad_deliveries_say_where() -> None:
    good = town(2)
    with pytest.raises(BadInput, match="street: the column is missing"):
        Sorter.empty().learn(good.drop_columns("street"))
    with pytest.raises(BadInput, match="code: the column is missing"):
        Sorter.empty().learn(good.select(PLACES.names))
    with pytest.raises(BadInput, match="postcode: is int64, not text"):
        Sorter.empty().assign(good.set_column(1, "postcode", pa.array(range(len(good)))))
    with pytest.raises(BadInput, match="delivered_ms: is string, not int64"):
        Sorter.empty().learn(good.set_column(7, "delivered_ms", pa.array(["1"] * len(good))))
    rows = good.to_pylist()
    for name, bad in (("code", None), ("code", ""), ("delivered_ms", None)):
        spoilt = [dict(row) for row in rows]
        spoilt[2][name] = bad
        with pytest.raises(BadInput, match=f"row 3, {name}: is empty"):
            Sorter.empty().learn(table(spoilt))


def test_keys_know_a_place_written_differently() -> None:
    columns = [place("文三路138号东方大厦7楼"), place("西溪街道文三路 138号 东方大厦7楼"), place("文三路139号")]
    first, second, third = make_keys(pa.Table.from_pylist(columns, schema=PLACES))
    same = {stretch for stretch in Stretch if first[stretch] and first[stretch] == second[stretch]}
    assert {Stretch.ROAD, Stretch.ROAD_END, Stretch.BLOCK, Stretch.REACH, Stretch.COUNTY, Stretch.COUNTRY} <= same
    assert first[Stretch.TOWN] == 0 != second[Stretch.TOWN]
    assert first[Stretch.ROAD] == third[Stretch.ROAD]
    assert first[Stretch.BLOCK] != third[Stretch.BLOCK]  # the other side of the road
    assert first[Stretch.REACH] == third[Stretch.REACH]


def test_keys_of_one_road_in_two_counties_differ() -> None:
    both = pa.Table.from_pylist([place("文三路1号"), place("文三路1号", county="拱墅区")], schema=PLACES)
    first, second = make_keys(both)
    assert {stretch for stretch in Stretch if first[stretch] and first[stretch] == second[stretch]} == {
        Stretch.CITY,
        Stretch.PROVINCE,
        Stretch.COUNTRY,
    }


def test_streets_of_other_countries() -> None:
    rows = [
        {"country": "BR", "city": "São Paulo", "street": "Rua das Flores, 123 - apto 4"},
        {"country": "br", "city": "SÃO  PAULO", "street": "rua das flores 125"},
        {"country": "BR", "city": "São Paulo", "street": "Rua das Pedras, 123"},
    ]
    first, second, third = make_keys(pa.Table.from_pylist(rows, schema=PLACES))
    assert first[Stretch.ROAD] == second[Stretch.ROAD] != third[Stretch.ROAD]
    assert first[Stretch.BLOCK] == second[Stretch.BLOCK] != 0


def test_a_read_address_is_a_place(sorter: Sorter) -> None:
    found = parse_chinese_address("张三 13800138000 浙江杭州西湖区教工路77号")
    row = place_of(found)
    assert row == place("教工路77号")
    assert sorter.assign(pa.Table.from_pylist([row], schema=PLACES))["code"].to_pylist() == ["571-B1-01"]


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(st.tuples(*[st.text(max_size=12) | st.none()] * 6), max_size=8))
def test_any_text_is_answered(rows: list[tuple[str | None, ...]]) -> None:
    asked = pa.Table.from_pylist([dict(zip(PLACES.names, row, strict=True)) for row in rows], schema=PLACES)
    learnt = asked.append_column("code", pa.array(["a-b-c"] * len(rows), pa.string()))
    learnt = learnt.append_column("delivered_ms", pa.array([START_MS] * len(rows), pa.int64()))
    answers = Sorter.empty().learn(learnt).assign(asked)
    told = [any((text or "").strip() for text in row) for row in rows]
    assert all(code in ("a-b-c", None) for code in answers["code"].to_pylist())
    assert len(answers) == len(told)
