"""What the API says of sort codes, as records, with one example each."""

from typing import Annotated

import msgspec

from waypost.booking.sorting.codes import MOST_CODE, CodeState, SortCode
from waypost.model.instants import format_known, format_utc
from waypost.track.views import WaybillView


class SortCodeSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person says: hub-outlet-courier, or as much of it as is known."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_CODE)]


class GoesTo(msgspec.Struct, frozen=True, kw_only=True):
    """Where a parcel goes, without who gets it."""

    country: str
    province: str
    city: str
    county: str
    street: str
    postcode: str


class SortCodeView(msgspec.Struct, frozen=True, kw_only=True):
    """The sort code of a parcel.

    Attributes:
        parcel: its reference.
        code: what its label says: all of it, or the beginning that is sure, or "".
        guess: the whole code that is likeliest, with how often such a guess was right.
        why: it was left to a person.
        place: None if what the order said was erased.
    """

    parcel: str
    order: str
    waybill: WaybillView
    state: CodeState
    code: str
    guess: str
    confidence: float
    why: str
    made_at: str
    answered_at: str | None
    place: GoesTo | None


class SortCodePage(msgspec.Struct, frozen=True):
    """Some sort codes, those that wait longest first; `next` is the cursor for more, None at the end."""

    sort_codes: list[SortCodeView]
    next: str | None


def view_sort_code(kept: SortCode) -> SortCodeView:
    """As an operator sees it."""
    goes_to = kept.consignee
    names = GoesTo.__struct_fields__
    return SortCodeView(
        parcel=kept.parcel,
        order=kept.order,
        waybill=WaybillView(kept.carrier, kept.number),
        state=kept.state,
        code=kept.code,
        guess=kept.guess,
        confidence=kept.confidence,
        why=kept.why,
        made_at=format_utc(kept.made_ms),
        answered_at=format_known(kept.answered_ms),
        place=None if goes_to is None else GoesTo(**{name: getattr(goes_to, name) for name in names}),
    )


_EXAMPLE = SortCodeView(
    parcel="W7K2M9QX4T0B1ZC8V",
    order="ord_5b0f3c2a9d8e7f61a2b3",
    waybill=WaybillView("ruralpost", "RP000011CN"),
    state=CodeState.MANUAL,
    code="571",
    guess="571-A1-07",
    confidence=0.62,
    why="not sure enough",
    made_at="2026-11-22T13:04:00Z",
    answered_at=None,
    place=GoesTo(
        country="CN", province="浙江省", city="杭州市", county="西湖区", street="文三路 90 号", postcode="310012"
    ),
)
SORT_CODE_EXAMPLES: dict[type, msgspec.Struct] = {
    SortCodeView: _EXAMPLE,
    SortCodePage: SortCodePage([_EXAMPLE], None),
}
SORT_CODE_SENT = SortCodeSent(code="571-A1-07")
