"""What is asked of who sends: a message goes to an address, and what it answers is told."""

from typing import ClassVar, Protocol

import msgspec

from waypost.model.guarded import Guarded

GONE = 410


class Message(Guarded, frozen=True, kw_only=True):
    """One message to one webhook.

    Attributes:
        id: the same however often it is sent.
        secrets: each signs it.
    """

    SHOWN: ClassVar[tuple[str, ...]] = ("id",)

    id: str
    url: str
    body: bytes
    secrets: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of sending.

    Attributes:
        status: of HTTP; None without an answer.
        why: it is no success; never what the other side wrote.
        retry_s: after how long it wants to be tried again, if it says so.
        seconds: how long it took.
    """

    status: int | None
    why: str = ""
    retry_s: float | None = None
    seconds: float = 0.0

    @property
    def is_well(self) -> bool:
        """Whether the message was taken."""
        return self.status is not None and 200 <= self.status < 300


class Sender(Protocol):
    """Sends. It never raises for what the other side does or fails to do."""

    async def send(self, message: Message) -> Answer:
        """Send a message once, and wait for the answer, within a time."""
