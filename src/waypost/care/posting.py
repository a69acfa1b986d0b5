"""What is asked of who sends mail: a letter is written and handed to a mail server, and what became of it is told."""

from enum import StrEnum
from typing import ClassVar, Protocol

from waypost.care.sending import Answer
from waypost.model.carriage import Waybill
from waypost.model.guarded import Guarded


class Fate(StrEnum):
    """What became of a letter."""

    TAKEN = "taken"  #: the mail server has it
    LATER = "later"  #: it was not taken this time, or nobody knows
    NEVER = "never"  #: it is not taken, however often it is tried
    NOBODY = "nobody"  #: nor is anything else that goes to this address
    HELD = "held"  #: no letter is taken now, whomever it is for


class Letter(Guarded, frozen=True, kw_only=True):
    """One mail to one consignee, before it is written.

    Attributes:
        id: the same however often it is sent.
        to: the address, as `model.mailboxes` gives it.
        language: one of `LANGUAGES`.
        milestone: what there is to tell, and `status` the unified code of what was scanned.
        at: RFC 3339, in the local time of the place. `place`: its name, "" if it is not known.
        promised_ms: when it was promised to be there, if it was.
        page: the token of the consignee's own page, "" without one.
        stop: the token by which the consignee ends such mail of this merchant.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("id", "language", "milestone", "status")

    id: str
    to: str
    language: str
    merchant: str
    reference: str
    waybill: Waybill
    milestone: str
    status: str
    at: str
    place: str = ""
    promised_ms: int | None = None
    page: str = ""
    stop: str = ""


class Posted(Answer, frozen=True, kw_only=True):
    """What came of a try: `status` is the SMTP code, None without one; `why` never has what the other side wrote."""

    fate: Fate


class Postman(Protocol):
    """Writes letters and sends them, one at a time. Never raises for what a mail server does or fails to do."""

    def post(self, letter: Letter) -> Posted:
        """Send a letter once, within a time."""

    def rest(self) -> None:
        """Nothing more is to be sent for now."""
