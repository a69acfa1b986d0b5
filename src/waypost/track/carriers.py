"""What `track` asks of carriers: to be pushed scans, and to be asked for them. The door `carriers` answers.

A scan that comes this way has a code, an instant, a place; never the text that a carrier wrote for people, for names
and telephone numbers stand in it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Protocol

import msgspec

from waypost.model.errors import BadInput, NotAllowed, WaypostError
from waypost.model.guarded import Guarded
from waypost.track.reception import Receipt
from waypost.track.wire import Rows


class Forged(NotAllowed):
    """A push whose signature is not that of the account, or that was signed too long ago to be believed."""

    code = "forged"


class CarrierError(WaypostError):
    """A carrier did not do what it was asked.

    Attributes:
        channel: whom was asked for what, as `yto track_query_adapter/v1`.
        carrier_code: what the carrier calls it, if it said anything.
        why: the message without the channel.
    """

    code = "carrier"
    status = 502

    def __init__(self, message: str, *, channel: str, carrier_code: str | None = None, mend: str | None = None) -> None:
        super().__init__(f"{channel}: {message}", mend=mend)
        self.channel = channel
        self.why = message
        self.carrier_code = carrier_code


class CarrierRefused(CarrierError):
    """It said no; asking the same again gives the same."""

    code = "carrier_refused"
    status = 422


class CarrierUnreachable(CarrierError):
    """It gave no answer, or said that it cannot now.

    Attributes:
        retry_s: before that it need not be asked again, if that is known.
    """

    code = "carrier_unreachable"
    status = 503

    def __init__(
        self,
        message: str,
        *,
        channel: str,
        carrier_code: str | None = None,
        mend: str | None = None,
        retry_s: float | None = None,
    ) -> None:
        super().__init__(message, channel=channel, carrier_code=carrier_code, mend=mend)
        self.retry_s = retry_s


class InDoubt(CarrierUnreachable):
    """What was asked may have been done, and nobody can tell."""

    code = "carrier_in_doubt"


class CarrierPuzzling(CarrierError):
    """Its answer is not of the shape that it promises."""

    code = "carrier_puzzling"


class Push(Guarded, frozen=True, kw_only=True):
    """What a carrier sent, as it came.

    Attributes:
        headers: names in lower case.
        query: behind the question mark of the address.
        received_ms: when, UTC milliseconds.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("received_ms",)

    headers: Mapping[str, str]
    query: str
    body: bytes
    received_ms: int


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier is answered, in its own words."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """What a push says.

    Attributes:
        rows: the scans; `Refusal`s for what cannot be read of them.
        reply: for when they are on disk, or were taken before.
        receipt: how a carrier is told what became of each row, if it understands that; it goes before `reply`.
    """

    rows: Rows
    reply: Reply
    receipt: Callable[[Receipt], Reply] | None = None


class PushReader(Protocol):
    """Reads the pushes of one account at a carrier."""

    carrier: str

    def read(self, push: Push) -> Pushed:
        """See that it is the carrier's, and what it says.

        Raises:
            Forged: it is not.
            BadInput: it is, and cannot be read.
        """

    def refuse(self, error: WaypostError) -> Reply:
        """How this carrier is told that its push was not taken."""


class Asked(Guarded, frozen=True, kw_only=True):
    """A waybill to ask after. Some carriers want the last digits of a telephone number of its people."""

    SHOWN: ClassVar[tuple[str, ...]] = ("number",)

    number: str
    phone_tail: str | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier said of some waybills.

    Attributes:
        rows: the scans of all of them.
        unknown: of the others, by number, why the carrier says nothing of them.
        channel: who answered: carrier and operation.
    """

    rows: Rows
    unknown: Mapping[str, str]
    channel: str


class TrackSource(Protocol):
    """Asks one account at a carrier for scans."""

    carrier: str
    most_at_once: int

    def track(self, asked: Sequence[Asked]) -> Seen:
        """The scans of some waybills, at most `most_at_once`.

        Raises:
            CarrierError: of all of them; of a single one it stands in `unknown`.
        """

    def subscribe(self, asked: Sequence[Asked]) -> Mapping[str, str]:
        """Have the scans of some waybills pushed; by number why it will not do so. Repeating it is safe."""


class Unsupported(BadInput):
    """This carrier has no such operation, or nothing public says how it is called."""

    code: ClassVar[str] = "unsupported_by_carrier"
    status: ClassVar[int] = 422
