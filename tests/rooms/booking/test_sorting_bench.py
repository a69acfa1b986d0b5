"""The benchmarks of sort codes and of reading addresses, on small worlds: better than what they are compared with."""

from pathlib import Path

from benchmarks import addresses
from benchmarks.sorting import THRESHOLDS, measure_brazil, measure_china


def test_imagined_addresses_of_china_get_their_courier(data_folder: Path) -> None:
    read: list[int] = []
    figures = measure_china(data_folder, 1, 5, 3_000, 1, read.append)
    assert sum(read) == 2_000
    assert figures["learnt"] + figures["asked"] == 3_000
    assert figures["read_right"] > 0.98
    assert figures["right"] > max(figures["peers"].values())
    assert figures["hub_right"] >= figures["outlet_right"] >= figures["right"]
    curve = figures["curve"]
    assert [point["threshold"] for point in curve] == list(THRESHOLDS)
    answered = [point["answered"] for point in curve]
    assert answered == sorted(answered, reverse=True)
    assert curve[3]["right"] > curve[0]["right"]


def test_customers_of_olist_get_their_hub(data_folder: Path) -> None:
    figures = measure_brazil(data_folder, 20)
    assert figures["hubs"] == 20
    assert figures["right"] > max(figures["peers"].values())
    assert figures["right"] > 0.98


def test_addresses_are_read(data_folder: Path) -> None:
    figures = addresses.measure(data_folder, 300, 2)["waypost"]
    assert figures["all_three"] > 0.98
    assert figures["microseconds"] > 0
