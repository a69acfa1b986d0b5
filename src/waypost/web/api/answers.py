"""What the API answers, as records, with one example each."""

import base64
from collections.abc import Sequence
from typing import Annotated

import msgspec

from waypost.booking.issuing import Address, Item
from waypost.booking.jobs import LeftOrder, Progress
from waypost.booking.manifests import HandedOver, Manifest
from waypost.booking.order_book import Entered, Entry
from waypost.booking.orders import TO_BE_CHOSEN, KeptOrder, Order, OrderParcel, OrderState, ParcelState, PlannedParcel
from waypost.booking.proofs import Proof, ProofSent, Relation
from waypost.model.carriers import CARRIER_CODE
from waypost.model.cursors import write_cursor
from waypost.model.instants import format_instant, format_known, format_utc
from waypost.model.places import Facility, FacilityKind, Place
from waypost.track.feed import FileRefusal
from waypost.track.intake import MAX_NUMBER, NUMBER
from waypost.track.outlook import AccountView, WatchPage, WatchView, Why
from waypost.track.pushes import Outcome
from waypost.track.reception import Receipt
from waypost.track.scorecards import Completeness, Delays, Part, Scorecard, Scorecards, UnheardCode
from waypost.track.shifts import Shift
from waypost.track.statuses import Phrase
from waypost.track.views import (
    Found,
    Freshness,
    MilestoneView,
    ParcelPage,
    ParcelView,
    PlaceView,
    ScanPage,
    ScanView,
    Timeline,
    WaybillView,
)
from waypost.track.watches import Pushing, Told
from waypost.track.wire import Refusal
from waypost.web.api.quoted import CHOSEN, QUOTES, ChosenAnswer, QuotesAnswer


def _whole(pattern: str) -> str:
    """All of a text and not a line of it; `$` alone lets a newline follow."""
    return f"^{pattern}$(?!\\n)"


CarrierCode = Annotated[str, msgspec.Meta(pattern=_whole(CARRIER_CODE.pattern))]


class ParcelAnswer(msgspec.Struct, frozen=True):
    """The parcels that bear the number that was asked for, for numbers are not unique, and how many `more` do.

    Of more than 1,000 bearers in all, `more` says at least how many.
    """

    asked: str
    parcels: list[ParcelView]
    more: int
    as_of: Freshness


class FoundAnswer(msgspec.Struct, frozen=True):
    """One entry for each number that was asked for, in that order."""

    found: list[Found]
    as_of: Freshness


class TimelineAnswer(msgspec.Struct, frozen=True):
    """The timelines of the parcels that bear the number, and how many `more` do.

    Of more than 1,000 bearers in all, `more` says at least how many.
    """

    asked: str
    timelines: list[Timeline]
    more: int
    as_of: Freshness


class PlaceRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a facility is. `country` is ISO 3166-1 alpha-2, `zone` an IANA name, the coordinates are degrees."""

    city: Annotated[str, msgspec.Meta(max_length=120)] | None = None
    region: Annotated[str, msgspec.Meta(max_length=120)] | None = None
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    zone: str | None = None


class FacilityRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A facility under the code that its carrier gives it."""

    carrier: CarrierCode
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    kind: FacilityKind
    place: PlaceRecord = PlaceRecord()

    def facility(self) -> Facility:
        """As the register takes it."""
        place = Place(**msgspec.structs.asdict(self.place))
        return Facility(carrier=self.carrier, code=self.code, name=self.name, kind=self.kind, place=place)


def facility_record(facility: Facility) -> FacilityRecord:
    """As the API shows it."""
    place = PlaceRecord(**msgspec.structs.asdict(facility.place))
    return FacilityRecord(
        carrier=facility.carrier, code=facility.code, name=facility.name, kind=facility.kind, place=place
    )


class FacilityPage(msgspec.Struct, frozen=True):
    """Some facilities of the register; `next` is the cursor for more, None at the end."""

    facilities: list[FacilityRecord]
    next: str | None


class Kept(msgspec.Struct, frozen=True):
    """How many facilities were added or brought up to date."""

    kept: int


class WatchedRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A waybill to watch. Some carriers tell of one only to who knows the last four digits of a telephone number."""

    number: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NUMBER, pattern=_whole(NUMBER))]
    phone_tail: Annotated[str, msgspec.Meta(pattern=_whole("[0-9]{4}"))] | None = None


class WatchesAnswer(msgspec.Struct, frozen=True):
    """How many waybills are watched from now on, and how many were already."""

    begun: int
    known: int


class EnteredAnswer(msgspec.Struct, frozen=True):
    """What became of orders that were handed in: each is in one of the first two, by its place from 0.

    `advice` is what looks wrong in addresses of orders that were taken, by the rules of their countries.
    """

    entries: list[Entry]
    refusals: list[Refusal]
    advice: list[Refusal]


class SheetAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a sheet of orders, by lines.

    Attributes:
        orders: how many were taken; `entries` has each with the line on which it begins.
        rows: lines of the sheet, without the headings.
        refused: how many lines were not taken, and `refusals` why, the first 1,000 of them.
        advice: what looks wrong in an address of an order that was taken; `row` is its line. The first 1,000.
        ignored: headings that mean nothing here.
    """

    orders: int
    rows: int
    refused: int
    entries: list[Entry]
    refusals: list[FileRefusal]
    advice: list[Refusal]
    ignored: list[str]


class OrderParcelView(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel of an order, which `piece` counts from 1. `why` is what its carrier said when it did not book it."""

    piece: int
    state: ParcelState
    waybill: WaybillView | None
    sort_code: str
    weight_g: int
    booked_at: str | None
    channel: str
    why: str


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order with how far it is.

    Attributes:
        account, service: by which it goes; "" as long as the account is not chosen, and for a carrier's usual service.
        next_try: when its carrier is asked again, of one that is queued.
        erased_at: when what it says of people was erased; null if it still says it.
    """

    id: str
    state: OrderState
    account: str
    service: str
    why: str
    made_at: str
    changed_at: str
    next_try: str | None
    job: str | None
    erased_at: str | None
    parcels: list[OrderParcelView]
    order: Order


class OrderPage(msgspec.Struct, frozen=True):
    """Some orders, newest first; `next` is the cursor for more, None at the end."""

    orders: list[OrderView]
    next: str | None


class PageAnswer(msgspec.Struct, frozen=True):
    """Where a consignee sees its parcel: a path on this host, which nobody can guess."""

    path: str


class ProofView(msgspec.Struct, frozen=True, kw_only=True):
    """A proof of delivery.

    Attributes:
        order, piece: the parcel that it is of, from 1, and `waybill` that it bears.
        at: when it was delivered, with the offset of the place. `received_at` when its carrier said so.
        received_by: who took it, and `relation` who that is to the consignee; "" if nobody said.
        picture, signature: the paths of the images, null if there is none.
    """

    id: str
    order: str
    piece: int
    waybill: WaybillView
    at: str
    received_at: str
    received_by: str
    relation: Relation
    picture: str | None
    signature: str | None


class ProofsAnswer(msgspec.Struct, frozen=True):
    """Proofs of delivery, the newest first."""

    proofs: list[ProofView]


class ProofTaken(msgspec.Struct, frozen=True):
    """That a proof of delivery is kept, and under which id."""

    id: str


def view_proof(proof: Proof) -> ProofView:
    """As operators and its merchant see it."""
    return ProofView(
        id=proof.id,
        order=proof.order,
        piece=proof.piece + 1,
        waybill=WaybillView(proof.carrier, proof.number),
        at=format_instant(proof.at_ms, proof.offset_min),
        received_at=format_utc(proof.received_ms),
        received_by=proof.received_by,
        relation=proof.relation,
        picture=f"/v1/proofs/{proof.id}/picture" if proof.picture_type else None,
        signature=f"/v1/proofs/{proof.id}/signature" if proof.has_signature else None,
    )


class JobSent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which orders to book: their ids, or all drafts. `account` is for those that name none."""

    orders: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=10_000)] | None = None
    account: Annotated[str, msgspec.Meta(max_length=64)] = ""


class JobAnswer(msgspec.Struct, frozen=True):
    """How far a job is: its orders by state. `is_done` says that none waits any more.

    `left` is which of those that it was asked for it does not book, and why: the first 1,000.
    """

    id: str
    made_at: str
    is_done: bool
    orders: int
    states: dict[str, int]
    left: list[LeftOrder]


class ManifestView(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed over to a carrier at one time."""

    id: str
    account: str
    closed_at: str
    parcels: int
    weight_g: int


class ManifestPage(msgspec.Struct, frozen=True):
    """Some manifests, newest first; `next` is the cursor for more, None at the end."""

    manifests: list[ManifestView]
    next: str | None


class ManifestAnswer(msgspec.Struct, frozen=True):
    """A manifest with its parcels, by order and piece."""

    manifest: ManifestView
    parcels: list[HandedOver]


def view_manifest(manifest: Manifest) -> ManifestView:
    """As its merchant sees it."""
    told = msgspec.structs.asdict(manifest)
    return ManifestView(closed_at=format_utc(told.pop("closed_ms")), **told)


def view_order(kept: KeptOrder) -> OrderView:
    """As its merchant sees it."""
    return OrderView(
        id=kept.id,
        state=kept.state,
        account="" if kept.account == TO_BE_CHOSEN else kept.account,
        service=kept.service or kept.order.service,
        why=kept.why,
        made_at=format_utc(kept.made_ms),
        changed_at=format_utc(kept.changed_ms),
        next_try=format_known(kept.next_ms),
        job=kept.job,
        erased_at=format_known(kept.erased_ms),
        parcels=[
            OrderParcelView(
                piece=each.piece + 1,
                state=each.state,
                waybill=WaybillView(each.carrier, each.number) if each.number else None,
                sort_code=each.sort_code,
                weight_g=each.weight_g,
                booked_at=format_known(each.booked_ms),
                channel=each.channel,
                why=each.why,
            )
            for each in kept.parcels
        ],
        order=kept.order,
    )


def view_job(progress: Progress) -> JobAnswer:
    """As its merchant sees it."""
    states = {state.value: count for state, count in progress.states.items()}
    made_at, left = format_utc(progress.made_ms), list(progress.left)
    return JobAnswer(progress.id, made_at, progress.is_done, progress.orders, states, left)


class AccountsAnswer(msgspec.Struct, frozen=True):
    """The accounts with carriers that can be asked."""

    accounts: list[AccountView]


class StatusRecord(msgspec.Struct, frozen=True):
    """A unified status.

    Attributes:
        code: as in parcels and scans.
        group: pre_shipment, pickup, transit, customs, delivery, exception, return; none if it is no status of a parcel.
        shape: how it is drawn: moving, done, risk, stop, idle.
        milestone: the one that it reaches.
        phrases: a label and a sentence in each language.
    """

    code: str
    group: str
    shape: str
    milestone: str | None
    phrases: dict[str, Phrase]


class StatusAnswer(msgspec.Struct, frozen=True):
    """All unified statuses."""

    statuses: list[StatusRecord]


class FileAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file of scans.

    Attributes:
        accepted: scans on disk now; those that were sent before count too, and change nothing.
        refused: rows that were not taken, and `refusals` why, the first 1,000 of them.
        end: a look-up that has to see all of it sends this as `min_position`.
    """

    accepted: int
    refused: int
    refusals: Sequence[FileRefusal]
    end: int


class PushRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A push that is kept.

    Attributes:
        id: the same for the same body of the same account.
        received_at: RFC 3339, when it came last.
        outcome: taken, partly (some of its scans could not be read), or unreadable.
        scans, refused: how many of its scans were kept, and how many not.
        why: of the first that was not, or of the whole; "" if nothing was wrong.
    """

    id: str
    account: str
    received_at: str
    outcome: Outcome
    scans: int
    refused: int
    why: str


class PushPage(msgspec.Struct, frozen=True):
    """Some pushes; `next` is the cursor for more, None at the end."""

    pushes: list[PushRecord]
    next: str | None


class PushBody(msgspec.Struct, frozen=True):
    """A push with its body; `encoding` is utf-8 if that is its text as it came, else base64."""

    push: PushRecord
    body: str
    encoding: str


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    alive: bool


class Ready(msgspec.Struct, frozen=True):
    """The service takes scans and answers look-ups."""

    ready: bool


_AS_OF = Freshness.between(48_211, 48_211)
_HUB = PlaceView(facility="CGH", name="Congonhas hub", city="São Paulo", region="SP", country="BR")
_SCAN = ScanView(
    id="9f3c1e0a7b24d685",
    at="2026-11-22T10:04:00-03:00",
    utc="2026-11-22T13:04:00Z",
    offset_source="facility",
    zone="America/Sao_Paulo",
    carrier="waypost",
    number="WP302948571BR",
    code="arrived_at_hub",
    status="arrived_at_hub",
    place=_HUB,
    note=None,
    corrects=None,
    recorded_at="2026-11-22T13:05:12Z",
    flags=[],
)
_PARCEL = ParcelView(
    id="par_6c1f0e3b5a2d4f788091",
    carrier="waypost",
    carrier_name="Waypost",
    number="WP302948571BR",
    numbers=[WaybillView("waypost", "WP302948571BR")],
    order_number="A-10293",
    status="arrived_at_hub",
    status_at="2026-11-22T10:04:00-03:00",
    group="transit",
    shape="moving",
    place=_HUB,
    origin=PlaceView(city="Curitiba", region="PR", country="BR"),
    destination=PlaceView(city="São Paulo", region="SP", country="BR"),
    first_at="2026-11-20T09:12:00-03:00",
    last_at="2026-11-22T10:04:00-03:00",
    promised_by="2026-11-26T18:00:00-03:00",
    milestones=[
        MilestoneView("accepted", "2026-11-20T09:12:00-03:00"),
        MilestoneView("arrived", "2026-11-22T10:04:00-03:00"),
    ],
    scans=4,
    weight_g=1250,
    note=None,
    flags=[],
    complete=True,
)
_PUSH = PushRecord(
    id="0d6be1f0c3a94e55b7c2a8813f9e4d20",
    account="yto-main",
    received_at="2026-11-22T13:05:12Z",
    outcome=Outcome.PARTLY,
    scans=1,
    refused=1,
    why="names a date that does not exist",
)
_SCORECARD = Scorecard(
    carrier="yto",
    parcels=1200,
    scans=8400,
    freshness=Delays(
        scans=8400,
        p50_s=62,
        p90_s=540,
        p99_s=5400,
        over_hour=Part.made(126, 8400),
        over_day=Part.made(0, 8400),
    ),
    completeness=Completeness(
        accepted=Part.made(990, 1000),
        moved=Part.made(998, 1000),
        out_for_delivery=Part.made(930, 1000),
        ended=Part.made(995, 1000),
        silent=Part.made(12, 1200),
    ),
    early=Part.made(0, 8400),
    shift=Shift("none", None, 8400),
    unknown=Part.made(3, 8400),
    unknown_codes=[UnheardCode("X7", 3, "2026-11-20T01:02:00Z", "2026-11-21T04:05:00Z", "YT8800000000001")],
    impossible=Part.made(4, 1180),
    out_of_order=Part.made(9, 1190),
    sampled=1.0,
)
_FACILITY = FacilityRecord(
    carrier="waypost",
    code="CGH",
    name="Congonhas hub",
    kind=FacilityKind.HUB,
    place=PlaceRecord(
        city="São Paulo", region="SP", country="BR", latitude=-23.63, longitude=-46.66, zone="America/Sao_Paulo"
    ),
)
_ACCOUNT = AccountView(
    account="sto_alliance",
    carrier="sto",
    polls_per_hour=600,
    at_once=20,
    watched=48_112,
    due=14,
    ended=902_310,
    trouble=None,
    rests_until=None,
)
_WATCH = WatchView(
    account="sto_alliance",
    carrier="sto",
    number="773012345678901",
    since="2026-11-20T02:10:00Z",
    last_checked="2026-11-22T01:05:10Z",
    next_check="2026-11-22T04:20:00Z",
    why=Why.LIKELY,
    chance=43,
    told=Told.NOTHING,
    pushing=Pushing.UNASKED,
)

#: What a sender of scans writes, in the neutral format.
SCANS_SENT = [
    {
        "carrier": "waypost",
        "number": "WP302948571BR",
        "code": "arrived_at_hub",
        "at": "2026-11-22T10:04:00-03:00",
        "facility": "CGH",
    },
    {"carrier": "waypost", "number": "WP302948571BR", "code": "departed_from_hub", "at": "2026-02-30T08:00:00Z"},
]

ORDERS_SENT = [
    Order(
        reference="2026-11-000417",
        sender=Address(
            name="Estrela Comércio",
            country="BR",
            street="Rua das Laranjeiras 120",
            city="São Paulo",
            province="SP",
            postcode="01310-100",
            phone="+551150000000",
        ),
        consignee=Address(
            name="Maria Exemplo",
            country="BR",
            street="Avenida Atlântica 7, ap. 12",
            city="Rio de Janeiro",
            province="RJ",
            postcode="22010-000",
            phone="+552150000000",
        ),
        items=(Item(description="Cotton shirt", quantity=2, weight_g=180, value_minor=7_990, sku="SH-M-BLUE"),),
        parcels=(PlannedParcel(weight_g=450, length_mm=300, width_mm=200, height_mm=60),),
        account="correios",
        currency="BRL",
    )
]
PARCELS_SENT = [
    PlannedParcel(weight_g=220, items=(0,), quantities=(1,)),
    PlannedParcel(weight_g=230, length_mm=300, width_mm=200, height_mm=40, items=(0,), quantities=(1,)),
]
_ORDER = KeptOrder(
    id="ord_5b0f3c2a9d8e7f61a2b3",
    merchant="mer_0f1e2d3c4b5a6978",
    state=OrderState.BOOKED,
    order=ORDERS_SENT[0],
    account="correios",
    parcels=(
        OrderParcel(
            piece=0,
            reference="W7K2M9QX4T0B1ZC8V",
            state=ParcelState.BOOKED,
            weight_g=450,
            carrier="correios",
            number="OS123456785BR",
            channel="correios prepostagem/v1/prepostagens",
            booked_ms=1_795_352_640_000,
        ),
    ),
    made_ms=1_795_352_400_000,
    changed_ms=1_795_352_640_000,
    tries=1,
)


_PROOF = Proof(
    id="pod_7c1e9b0d4f2a6835",
    merchant=_ORDER.merchant,
    order=_ORDER.id,
    piece=0,
    carrier="correios",
    number="OS123456785BR",
    at_ms=1_795_600_000_000,
    offset_min=-180,
    received_ms=1_795_600_060_000,
    received_by="João Exemplo",
    relation=Relation.NEIGHBOUR,
    picture_type="image/jpeg",
    has_signature=False,
)
#: A white point, which is a PNG.
_POINT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTj2FAAAAABJRU5ErkJggg=="
)
PROOF_SENT = ProofSent(
    number="OS123456785BR",
    at="2026-11-25T14:26:40-03:00",
    received_by="João Exemplo",
    relation=Relation.NEIGHBOUR,
    signature=_POINT,
)
_LEFT_ORDER = LeftOrder(
    order="ord_5b0f3c2a9d8e7f61a2b3", reference="2026-0815", state=OrderState.BOOKED, why="it is booked already"
)
_MANIFEST = ManifestView(
    id="man_1a2b3c4d5e6f7a8b", account="correios", closed_at="2026-11-22T19:30:00Z", parcels=1, weight_g=450
)
EXAMPLES: dict[type, msgspec.Struct] = {
    EnteredAnswer: EnteredAnswer(
        [Entry(row=0, reference="2026-11-000417", id=_ORDER.id, outcome=Entered.NEW)],
        [Refusal(1, "consignee.country", "Expected `str` matching regex '^[A-Z]{2}$'")],
        [Refusal(0, "consignee.postcode", "has another form in BR. Write it like 40301-110.")],
    ),
    SheetAnswer: SheetAnswer(
        orders=1,
        rows=3,
        refused=2,
        entries=[Entry(row=2, reference="2026-11-000417", id=_ORDER.id, outcome=Entered.NEW)],
        refusals=[
            FileRefusal("orders.csv", 3, "item_quantity", "is no whole number", "1.5"),
            FileRefusal("orders.csv", 4, "", "belongs to the order of line 3, which is refused"),
        ],
        advice=[],
        ignored=["colour of the bag"],
    ),
    OrderView: view_order(_ORDER),
    PageAnswer: PageAnswer("/p/mfrggzdfmztwq2lknnwg23tpobyxe43u"),
    ProofsAnswer: ProofsAnswer([view_proof(_PROOF)]),
    ProofTaken: ProofTaken(_PROOF.id),
    OrderPage: OrderPage([view_order(_ORDER)], None),
    ManifestPage: ManifestPage([_MANIFEST], None),
    ManifestAnswer: ManifestAnswer(
        _MANIFEST,
        [
            HandedOver(
                carrier="correios", number="OS123456785BR", order="2026-11-000417", piece=1, weight_g=450, sort_code=""
            )
        ],
    ),
    QuotesAnswer: QUOTES,
    ChosenAnswer: CHOSEN,
    JobAnswer: JobAnswer(
        *("job_1a2b3c4d5e6f7a8b", "2026-11-22T13:04:00Z", False, 500, {"booked": 480, "queued": 20}),
        [_LEFT_ORDER],
    ),
    Receipt: Receipt(
        position=48_209,
        accepted=1,
        refused=1,
        refusals=[Refusal(1, "at", "names a date that does not exist", "2026-02-30T08:00:00Z")],
        indexed=False,
    ),
    FileAnswer: FileAnswer(
        accepted=411,
        refused=1,
        refusals=[FileRefusal("Monday.csv", 17, "at", "names a date that does not exist", "2026-02-30 08:00")],
        end=48_620,
    ),
    ParcelAnswer: ParcelAnswer("WP302948571BR", [_PARCEL], 0, _AS_OF),
    FoundAnswer: FoundAnswer([Found(asked="WP302948571BR", parcels=[_PARCEL], carriers=[])], _AS_OF),
    ParcelPage: ParcelPage([_PARCEL], write_cursor((_PARCEL.number, _PARCEL.carrier)), _AS_OF),
    TimelineAnswer: TimelineAnswer(
        "WP302948571BR", [Timeline(_PARCEL.id, "waypost", "WP302948571BR", [_SCAN])], 0, _AS_OF
    ),
    ScanPage: ScanPage([_SCAN], None, _AS_OF),
    FacilityPage: FacilityPage([_FACILITY], None),
    Kept: Kept(1),
    StatusAnswer: StatusAnswer(
        [
            StatusRecord(
                code="delivered",
                group="delivery",
                shape="done",
                milestone="delivered",
                phrases={"en": Phrase("Delivered", "The parcel has been delivered.")},
            )
        ]
    ),
    WatchPage: WatchPage(_ACCOUNT, [_WATCH], None),
    WatchesAnswer: WatchesAnswer(1, 0),
    AccountsAnswer: AccountsAnswer([_ACCOUNT]),
    PushPage: PushPage([_PUSH], None),
    PushBody: PushBody(_PUSH, '{"waybillNo":"YT8800000000001"}', "utf-8"),
    Scorecards: Scorecards(
        since="2026-10-23T00:00:00Z",
        until="2026-11-22T13:04:00Z",
        silent_days=5,
        days_before=60,
        position=48_211,
        carriers=[_SCORECARD],
    ),
    Alive: Alive(True),
    Ready: Ready(True),
}
FACILITIES_SENT = [_FACILITY]
WATCHES_SENT = [WatchedRecord(number="773012345678901")]
