"""What the API says of forecasts, as records, with one example each."""

import msgspec

from waypost.forecast.calendars import Mark
from waypost.forecast.error_card import ErrorCard, LevelErrors
from waypost.forecast.overload import Overload
from waypost.forecast.volumes_since import DayBeside, LineBeside, VolumeAnswer


class ForecastRecord(msgspec.Struct, frozen=True):
    """A forecast that is kept, by what it tells apart; its days are from the first to the last."""

    id: str
    kind: str
    by: str
    made_at: str
    learnt_to: str
    first: str
    last: str


class ForecastList(msgspec.Struct, frozen=True):
    """All that are kept, newest first; of each kind no more than a few are."""

    forecasts: list[ForecastRecord]


_LEVEL = LevelErrors(level="hub", lines=42, mean=812.4, mae=61.7, naive_mae=104.9, within=0.82)
_VOLUME = VolumeAnswer(
    id="fct_1a2b3c4d5e6f7a8b",
    by="hub",
    made_at="2026-11-10T02:00:00Z",
    age_h=31.5,
    learnt_from="2025-09-01",
    learnt_to="2026-11-09",
    scans_end="2026-11-10T01:58:40Z",
    warning=None,
    marks=[Mark("2026-11-11", "CN", "sales", "Singles' Day")],
    card=ErrorCard("2026-10-27", "2026-11-09", [_LEVEL]),
    overloads=[
        Overload(
            carrier="yto",
            hub="Hangzhou",
            hour="2026-11-12T21:00",
            parcels=1310.5,
            p90=1480.2,
            capacity=1200.0,
            expected=True,
        )
    ],
    lines=[
        LineBeside(
            "hub",
            "yto",
            "Hangzhou",
            [
                DayBeside("2026-11-10", 9120.4, 8410.0, 9102.0, 9876.0, came=9344),
                DayBeside("2026-11-11", 15_240.9, 13_100.0, 15_180.0, 17_450.0, came=None),
            ],
        )
    ],
    next=None,
)
FORECAST_EXAMPLES: dict[type, msgspec.Struct] = {
    VolumeAnswer: _VOLUME,
    ForecastList: ForecastList(
        [ForecastRecord(_VOLUME.id, "volume", "hub", _VOLUME.made_at, "2026-11-09", "2026-11-10", "2026-11-23")]
    ),
}
