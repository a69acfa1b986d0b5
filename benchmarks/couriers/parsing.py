"""How many scans a second one core reads out of carriers' answers and pushes; karrio's parser beside ours."""

import importlib
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.couriers.samples import SCANS, Heard, hear, list_names
from waypost.carriers.karrio import set_up


class LeftOut(Exception):
    """It cannot be measured here; says why."""


def measure_all(seconds: float) -> dict[str, dict[str, int]]:
    """Scans a second and core, by carrier and way."""
    figures: dict[str, dict[str, int]] = {}
    for name in list_names():
        heard = hear(name)
        told = figures[name] = {}
        if heard.asked:
            told["asked"] = round(rate(partial(_ask, heard), seconds))
            told["scans_an_answer"] = SCANS * len(heard.asked) // max(map(len, heard.answers.values()))
        if heard.pushes:
            told["pushed"] = round(rate(partial(_read, heard), seconds))
            told["scans_a_push"] = _read(heard) // len(heard.pushes)
    return figures


def compare_usps(seconds: float) -> dict[str, int | float | str]:
    """Our reader of USPS beside karrio's, on the same waybills and scans.

    karrio's asks for one waybill at a time, so ours does here too, and then as it does otherwise: 35 at once.
    """
    singly, together = hear("usps", tracking="v3"), hear("usps")
    told: dict[str, int | float | str] = {
        "ours, one by one": round(rate(lambda: _ask(singly), seconds)),
        "ours, 35 at once": round(rate(lambda: _ask(together), seconds)),
    }
    try:
        parse = karrio_parser(singly)
    except LeftOut as error:
        return told | {"karrio": str(error)}
    told["karrio"] = round(rate(parse, seconds))
    ours = told["ours, one by one"]
    assert isinstance(ours, int)
    return told | {"ratio": round(ours / max(int(told["karrio"]), 1), 1)}


def karrio_parser(heard: Heard) -> Callable[[], int]:
    """What has karrio's USPS connector parse the answers, and says how many scans it found.

    Raises:
        LeftOut: karrio is not installed.
    """
    try:
        set_up()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lib: Any = importlib.import_module("karrio.lib")
            connector: Any = importlib.import_module("karrio.plugins.usps").METADATA
    except ModuleNotFoundError:
        raise LeftOut("left out: karrio is not installed") from None
    mapper = connector.Mapper(connector.Settings(client_id="of-nobody", client_secret="of-nobody"))
    texts = [body.decode() for body in heard.answers["tracking"]]
    answers = [(each.number, text) for each, text in zip(heard.asked, texts, strict=True)]

    def parse() -> int:
        answer = lib.Deserializable(answers, lambda pairs: [(number, lib.to_dict(text)) for number, text in pairs])
        details, _ = mapper.parse_tracking_response(answer)
        return sum(len(each.events) for each in details)

    return parse


def rate(act: Callable[[], int], seconds: float) -> float:
    """What an act gives in a second of this process's CPU, after it was done once; the best of three turns."""
    act()
    best = 0.0
    for _ in range(3):
        done, begun_s = 0, time.process_time()
        while (spent_s := time.process_time() - begun_s) < seconds / 3:
            done += act()
        best = max(best, done / spent_s)
    return best


def _ask(heard: Heard) -> int:
    return int(heard.source.track(heard.asked).rows.table.num_rows)


def _read(heard: Heard) -> int:
    return sum(heard.reader.read(push).rows.table.num_rows for push in heard.pushes)
