"""Olist's orders as trips, held against a plain reading of the same files, and against small bad ones."""

import csv
import datetime as dt
import gzip
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from waypost.feeds.olist_trips import read_olist_trips
from waypost.model.errors import BadInput

BRASILIA = ZoneInfo("America/Sao_Paulo")

FILES = {
    "geolocation": "geolocation_zip_code_prefix,geolocation_lat,geolocation_lng,geolocation_city,geolocation_state\n"
    "01001,-23.5,-46.6,sao paulo,SP\n20010,north,-43.2,rio de janeiro,RJ\n20010,-22.9,-43.2,rio de janeiro,RJ\n",
    "customers": "customer_id,customer_zip_code_prefix,customer_city,customer_state\n"
    f"{'c' * 32},20010,rio de janeiro,RJ\n",
    "sellers": f"seller_id,seller_zip_code_prefix,seller_city,seller_state\n{'a' * 32},01001,sao paulo,SP\n",
    "products": "product_id,product_category_name,product_weight_g,"
    "product_length_cm,product_height_cm,product_width_cm\n"
    f"{'d' * 32},brinquedos,heavy,10,20,30\n{'e' * 32},,500,1,2,3\n",
    "order_items": "order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value\n"
    f"{'1' * 32},2,{'e' * 32},{'a' * 32},2018-01-05 10:00:00,5.50,1.25\n"
    f"{'1' * 32},1,{'d' * 32},{'a' * 32},2018-01-04 10:00:00,10.00,2.00\n",
    "orders": "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,"
    "order_delivered_carrier_date,order_delivered_customer_date,order_estimated_delivery_date\n"
    f"{'1' * 32},{'c' * 32},delivered,2018-01-01 12:00:00,,2018-01-03 09:00:00,soon,2018-01-20 00:00:00\n"
    f"{'2' * 32},{'c' * 32},canceled,2018-01-02 12:00:00,,,,2018-01-20 00:00:00\n",
}


def write(folder: Path, **changes: str) -> Path:
    for name, text in {**FILES, **changes}.items():
        (folder / f"olist_{name}_dataset.csv").write_text(text, "utf-8")
    return folder


def test_an_order_is_what_was_in_it(tmp_path: Path) -> None:
    trips, _ = read_olist_trips(write(tmp_path))
    order, cancelled = trips.table.to_pylist()
    assert order["ordered_at"] == dt.datetime(2018, 1, 1, 12, tzinfo=BRASILIA)
    assert order["offset_min"] == -120  # summer time
    assert order["handover_due_at"] is None  # it is set later, when the payment is approved
    assert order["promised_at"] == dt.datetime(2018, 1, 21, tzinfo=BRASILIA)  # the end of the day
    assert (order["shipper"], order["goods"], order["pieces"]) == ("a" * 32, "brinquedos", 2)
    assert (order["value"], order["freight"], order["volume_cm3"]) == (15.5, 3.25, 6006)
    assert (order["origin_region"], order["origin_area"]) == ("SP", "010")
    assert (order["destination_latitude"], order["destination_longitude"]) == (-22.9, -43.2)
    assert (order["is_void"], cancelled["is_void"]) == (False, True)
    assert cancelled["shipper"] is None
    assert len(trips.between(0, 1e6)) == 1


def test_what_cannot_be_read_is_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    trips, refusals = read_olist_trips(write(tmp_path))
    told = {(each.file, each.line, each.field) for each in refusals}
    assert told == {
        ("olist_geolocation_dataset.csv", 3, "geolocation_lat"),
        ("olist_products_dataset.csv", 2, "product_weight_g"),
        ("olist_orders_dataset.csv", 2, "order_delivered_customer_date"),
    }
    assert len(trips) == 2
    assert trips.table.column("delivered_at")[0].as_py() is None
    assert trips.table.column("weight_g")[0].as_py() == 500


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "olist_sellers_dataset.csv").unlink()
    with pytest.raises(BadInput, match=r"no olist_sellers_dataset\.csv"):
        read_olist_trips(tmp_path)


def test_all_real_orders_come_with_their_days(data_folder: Path) -> None:
    trips, refusals = read_olist_trips(data_folder / "olist")
    with gzip.open(data_folder / "olist" / "olist_orders_dataset.csv.gz", "rt", encoding="utf-8") as file:
        rows = {row["order_id"]: row for row in csv.DictReader(file)}
    assert refusals == []
    assert sorted(trips.table.column("number").to_pylist()) == sorted(rows)

    def instant(text: str) -> float:
        return dt.datetime.fromisoformat(text).replace(tzinfo=BRASILIA).timestamp() / 86_400 if text else np.inf

    numbers = trips.table.column("number").to_pylist()
    expected = [instant(rows[number]["order_delivered_customer_date"]) for number in numbers]
    assert trips.delivered == pytest.approx(expected)
    assert np.all(np.diff(trips.ordered) >= 0)
