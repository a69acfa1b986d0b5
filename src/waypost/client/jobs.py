"""Jobs: many orders booked one after another by the server, whatever crashes meanwhile."""

import datetime as dt
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from waypost.client.calling import Caller, part
from waypost.client.orders import Size
from waypost.client.saving import Saved, Target, save


class LeftOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that a job was asked for and does not book: its id, your number of it, how far it is, and why."""

    order: str
    reference: str
    state: str
    why: str


class Job(msgspec.Struct, frozen=True):
    """How far a job is: how many `orders` it has, and how many of them are in which of `states`.

    `left` are those that it does not book; the first 1,000.
    """

    id: str
    made_at: dt.datetime
    is_done: bool
    orders: int
    states: Mapping[str, int]
    left: Sequence[LeftOrder] = ()

    @property
    def settled(self) -> int:
        """Orders that do not wait any more, whatever became of them."""
        return self.orders - self.states.get("queued", 0)


class Jobs:
    """A merchant's jobs. What goes wrong is a `Problem`, or `Unreachable`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def begin(
        self, orders: Iterable[str] | None = None, *, account: str = "", idempotency_key: str | None = None
    ) -> Job:
        """Book these, by their ids, or all drafts.

        Args:
            account: for those that name none.
            idempotency_key: the same key gives the same job, and is refused for other orders. One is made for each
                call, which holds for its own repeats; give one that you keep, and it holds when your program begins
                again too.
        """
        sent = {"account": account} | ({} if orders is None else {"orders": list(orders)})
        headers = {"idempotency-key": idempotency_key or str(uuid.uuid4())}
        return self._caller.send("POST", "/v1/jobs", Job, sent, headers=headers)

    def get(self, id_: str) -> Job:
        """How far it is."""
        return self._caller.get(f"/v1/jobs/{part(id_)}", Job)

    def follow(self, id_: str, *, every_s: float = 0.5) -> Iterator[Job]:
        """How far it is, again and again, until it is done. One whose carrier is away may take as long as that is."""
        while True:
            job = self.get(id_)
            yield job
            if job.is_done:
                return
            time.sleep(every_s)

    def save_labels(self, id_: str, to: Target, *, size: Size | None = None) -> Saved:
        """Fetch the labels of all that it has booked into a file, as one PDF; `size` (mm) is of Waypost's own."""
        return save(self._caller, f"/v1/jobs/{part(id_)}/labels", {"size": size}, to)
