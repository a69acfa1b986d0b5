"""What came of tries to deliver, and how far behind deliveries are: for those who watch over the service."""

import msgspec

from waypost.care.sending import Answer


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How webhooks are.

    Attributes:
        delivered, failed, dead: tries since the start that were taken, were in vain, and were the last in vain.
        seconds: that all of them took.
        waiting: deliveries that wait, those of paused webhooks too.
        alone: webhooks that are left alone for a while, for they failed too often in a row.
        lag: scans that are indexed, of which webhooks were not told yet.
        gaps: how often changes had gone before webhooks were told of them.
    """

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    seconds: float = 0.0
    waiting: int = 0
    alone: int = 0
    lag: int = 0
    gaps: int = 0


class MailStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How mail is.

    Attributes:
        sent, failed, dead: tries since the start that were taken, were in vain, and were the last in vain.
        seconds: that all of them took.
        waiting: notices that wait.
        is_held: no mail goes out, for the mail server is out of reach or refuses us.
    """

    sent: int = 0
    failed: int = 0
    dead: int = 0
    seconds: float = 0.0
    waiting: int = 0
    is_held: bool = False


class Tally:
    """Counts tries; one thread."""

    def __init__(self) -> None:
        self.delivered = self.failed = self.dead = 0
        self.seconds = 0.0

    def count(self, answer: Answer, *, is_dead: bool) -> None:
        """One more try. A dead one failed, too."""
        self.seconds += answer.seconds
        if answer.is_well:
            self.delivered += 1
        else:
            self.failed += 1
            self.dead += is_dead
