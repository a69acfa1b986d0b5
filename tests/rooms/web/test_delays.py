"""Why parcels are late, in four languages."""

import datetime as dt

import msgspec
import numpy as np
import pytest

from waypost.forecast.groups import Group, GroupKind
from waypost.forecast.reasons import Reason, ReasonCode
from waypost.track.statuses import LANGUAGES
from waypost.web.pages.delays import say_delay, say_group
from waypost.web.pages.languages import get_language

AT = dt.datetime(2026, 11, 22, 22, 0, tzinfo=dt.timezone(dt.timedelta(hours=-3)))
REASON = Reason(code=ReasonCode.MISSED_CUTOFF, hours=12.0, facility="carrier/CPQ", at_ms=round(AT.timestamp() * 1000))
GROUP = Group(
    kind=GroupKind.HUB,
    facility="carrier/CPQ",
    towards=None,
    departed=None,
    vehicle=None,
    since=AT.timestamp() / 86_400,
    silent=12,
    expected=1.4321,
    score=20.0,
    rows=np.arange(12),
)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("en", "Missed the 22:00 cut-off at Campinas: +12 hrs"),
        ("zh", "错过Campinas 22:00 的截件时间：+12小时"),
        ("es", "Perdió el cierre de las 22:00 en Campinas: +12 h"),
        ("pt", "Perdeu o corte das 22:00 em Campinas: +12 h"),
    ],
)
def test_a_missed_cut_off(code: str, said: str) -> None:
    assert say_delay(REASON, get_language(code), "Campinas", -180) == said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_has_its_words(code: ReasonCode, language: str) -> None:
    said = say_delay(msgspec.structs.replace(REASON, code=code), get_language(language), "Campinas", -180)
    assert "12" in said
    assert "{" not in said


def test_a_place_that_nobody_named() -> None:
    waited = msgspec.structs.replace(REASON, code=ReasonCode.WAITED)
    assert say_delay(waited, get_language("en"), None, 0) == "Waited at a facility: +12 hrs"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", [GroupKind.HUB, GroupKind.LEG, GroupKind.DEPARTURE])
def test_every_group_has_its_words(kind: GroupKind, language: str) -> None:
    group = msgspec.structs.replace(GROUP, kind=kind, departed=GROUP.since)
    said = say_group(group, get_language(language), "Campinas", "Recife", -180)
    assert all(part in said for part in ("12", "Campinas", "22:00"))
    assert ("Recife" in said) == (kind is not GroupKind.HUB)


def test_a_hub_and_a_vehicle() -> None:
    english = get_language("en")
    assert (
        say_group(GROUP, english, "Campinas", None, -180)
        == "12 parcels silent since 22 Nov 2026 22:00 at Campinas; 1.4 expected"
    )
    truck = msgspec.structs.replace(GROUP, kind=GroupKind.DEPARTURE, departed=GROUP.since, vehicle="TRUCK-7", silent=1)
    assert (
        say_group(truck, english, "Campinas", "Recife", -180)
        == "1 parcel silent on TRUCK-7, which left Campinas for Recife at 22 Nov 2026 22:00; 1.4 expected"
    )
