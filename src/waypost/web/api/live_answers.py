"""Examples of what is told of the network now."""

from typing import Any

from waypost.track.live_views import (
    GoneFlow,
    LiveAges,
    LiveCount,
    LiveFacility,
    LiveFlow,
    LiveGone,
    LivePatch,
    LiveView,
)
from waypost.track.overview import StatusCount

_COUNTS = LiveCount(in_network=81_234, at_risk=1_290, late=377, held=412, silent_24h=3_011)
_AGES = LiveAges(counts_s=0.4, lookout_s=312.0, flows_since=None)
_FACILITY = LiveFacility(
    carrier="zto",
    facility="HUB-SHA",
    name="Shanghai hub",
    kind="hub",
    city="Shanghai",
    country="CN",
    latitude=31.2,
    longitude=121.4,
    inside=812,
    arrived_1h=340,
    departed_1h=310,
    arrived_24h=8_123,
    capacity_per_hour=400.0,
    load=0.85,
    last_at="2026-11-23T20:49:58Z",
)
_FLOW = LiveFlow(
    carrier="zto", origin="HUB-SHA", destination="HUB-CAN", moved_24h=1_234, hours=14.2, usual_hours=12.9, delayed=0.18
)
_VIEW = LiveView(
    as_of="2026-11-23T20:50:00Z",
    position=1_204_551,
    behind=0,
    scans_per_s=812.4,
    counts=_COUNTS,
    ages=_AGES,
    statuses=[StatusCount("in_transit", "moving", 51_234), StatusCount("customs_held", "stop", 412)],
    facilities=[_FACILITY],
    flows=[_FLOW],
)
_PATCH = LivePatch(
    as_of="2026-11-23T20:50:01Z",
    position=1_205_362,
    behind=0,
    scans_per_s=811.0,
    counts=_COUNTS,
    ages=_AGES,
    statuses=[StatusCount("in_transit", "moving", 51_236)],
    facilities=[_FACILITY],
    flows=[],
    gone=LiveGone([], [GoneFlow("zto", "HUB-SHA", "HUB-XIY")]),
)

LIVE_EXAMPLES: dict[type, Any] = {LiveView: _VIEW, LivePatch: _PATCH}
