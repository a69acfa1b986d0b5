"""Webhooks are told beside the server: one thread reads what changed, another sends what is due to many at one time."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from waypost.care.deliveries import Deliveries, Delivery
from waypost.care.sending import GONE, Answer, Message, Sender
from waypost.care.subscriptions import Subscriptions
from waypost.care.tally import Standing, Tally
from waypost.care.teller import AT_ONCE, Teller
from waypost.care.turns import Turns
from waypost.model.errors import NotFound, WaypostError

#: How often it is looked whether anything changed, and whether anything is due that was tried before.
_LOOK_S, _DUE_S = 0.2, 1.0
#: Where nobody wants to be told.
_IDLE_S = 2.0
_TROUBLE_S = 15.0
_PATIENCE_S = 10.0


class Telling:
    """Runs until it is stopped. What is cut off then is sent again after the next start.

    Args:
        at_once: messages under way at one time.
        tally: counts what came of tries.
    """

    def __init__(
        self,
        teller: Teller,
        subscriptions: Subscriptions,
        deliveries: Deliveries,
        sender: Sender,
        at_once: int,
        clock: Callable[[], int],
        journal: FilteringBoundLogger,
        tally: Tally,
    ) -> None:
        self._teller = teller
        self._subscriptions = subscriptions
        self._deliveries = deliveries
        self._sender = sender
        self._clock = clock
        self._journal = journal
        self._tally = tally
        self._turns = Turns(time.monotonic, at_once)
        self._stopping = threading.Event()
        self._reading = threading.Thread(target=self._keep_reading, name="tell", daemon=True)
        self._sending = threading.Thread(target=self._keep_sending, name="send webhooks", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._forgiven: set[str] = set()
        self._under_way: dict[str, set[str]] = {}
        self._came: list[tuple[Delivery, str, Answer]] = []

    def start(self) -> None:
        """Begin."""
        self._teller.settle()
        self._reading.start()
        self._sending.start()

    def wake(self, webhook: str | None = None) -> None:
        """Look at once for what is due; a webhook that is named is not left alone any more."""
        if webhook is not None:
            self._forgiven.add(webhook)
        loop = self._loop
        if loop is not None and not self._stopping.is_set():
            loop.call_soon_threadsafe(self._news.set)

    def get_standing(self) -> Standing:
        """How far behind it is, and what came of tries since it began."""
        return Standing(
            delivered=self._tally.delivered,
            failed=self._tally.failed,
            dead=self._tally.dead,
            seconds=self._tally.seconds,
            waiting=self._deliveries.count_waiting(),
            alone=self._turns.count_alone(),
            lag=self._teller.find_lag(),
            gaps=self._teller.count_gaps(),
        )

    def stop(self) -> None:
        """Send nothing more."""
        loop = self._loop
        self._stopping.set()
        if loop is not None and loop.is_running():
            loop.call_soon_threadsafe(self._news.set)
        for thread in (self._reading, self._sending):
            if thread.ident is not None:
                thread.join(_PATIENCE_S)

    def _keep_reading(self) -> None:
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            try:
                read = self._teller.turn(self._clock())
            except Exception as error:  # nothing is lost: it reads on from where it was
                self._tell_trouble("changes cannot be read for webhooks", error)
                pause_s = _TROUBLE_S
                continue
            if read.missed:
                self._journal.error("changes had gone before webhooks were told of them")
            if read.told:
                self.wake()
            pause_s = 0.0 if read.changes >= AT_ONCE or read.missed else _LOOK_S if read.is_needed else _IDLE_S

    def _keep_sending(self) -> None:
        asyncio.run(self._send_on())

    async def _send_on(self) -> None:
        self._loop = asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()
        while not self._stopping.is_set():
            self._news.clear()
            pause_s = _DUE_S
            try:
                await asyncio.to_thread(self._write_down)
                for delivery, message, merchant in await asyncio.to_thread(self._take_due):
                    task = asyncio.create_task(self._send(delivery, message, merchant))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
            except Exception as error:  # what is due stays due
                self._tell_trouble("webhooks are held up", error)
                pause_s = _TROUBLE_S
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            await asyncio.to_thread(self._write_down)
        except WaypostError as error:  # those are sent once more, under their ids
            self._tell_trouble("it was not written down which webhooks were told last", error)

    def _take_due(self) -> list[tuple[Delivery, Message, str]]:
        now_ms = self._clock()
        while self._forgiven:
            self._turns.forgive(self._forgiven.pop())
        found = []
        ready = {webhook: (merchant, url) for webhook, merchant, url in self._deliveries.list_ready(now_ms)}
        for webhook in self._turns.in_turn(list(ready)):
            merchant, url = ready[webhook]
            free = self._turns.find_free(webhook, merchant)
            if not free:
                continue
            under_way = self._under_way.setdefault(webhook, set())
            try:
                due = self._deliveries.list_due(webhook, now_ms, free, under_way)
                secrets = tuple(self._subscriptions.open_secrets(webhook, now_ms)) if due else ()
            except NotFound:  # it was removed this moment, and what was due with it
                continue
            except WaypostError as error:  # its secret does not open, perhaps: the others go on
                self._tell_trouble("a webhook is held up", error)
                self._turns.begin(webhook, merchant)
                self._turns.end(webhook, merchant, is_well=False)
                continue
            for delivery in due:
                under_way.add(delivery.id)
                self._turns.begin(webhook, merchant)
                message = Message(id=delivery.id, url=url, body=delivery.body, secrets=secrets)
                found.append((delivery, message, merchant))
        return found

    async def _send(self, delivery: Delivery, message: Message, merchant: str) -> None:
        try:
            answer = await self._sender.send(message)
        except Exception as error:  # a fault of ours, which holds up nobody else
            self._tell_trouble("a webhook could not be sent", error)
            answer = Answer(status=None, why="it could not be sent")
        self._came.append((delivery, merchant, answer))
        self._news.set()

    def _write_down(self) -> None:
        came, self._came = self._came, []
        if not came:
            return
        now_ms = self._clock()
        try:
            dead = {each.id for each in self._deliveries.note([(each, answer) for each, _, answer in came], now_ms)}
        except BaseException:
            self._came = came + self._came
            raise
        for delivery, merchant, answer in came:
            self._under_way[delivery.webhook].discard(delivery.id)
            self._turns.end(delivery.webhook, merchant, is_well=answer.is_well)
            self._tally.count(answer, is_dead=delivery.id in dead)
            if delivery.id in dead:
                self._journal.warning("a webhook was not taken", webhook=delivery.webhook, delivery=delivery.id)
        for webhook in {delivery.webhook for delivery, _, answer in came if answer.status == GONE}:
            self._subscriptions.pause(webhook, "it answers 410: it is gone", now_ms)
            self._journal.warning("a webhook is paused: it answers 410", webhook=webhook)

    def _tell_trouble(self, what: str, error: Exception) -> None:
        if isinstance(error, WaypostError):
            self._journal.error(what, why=str(error))
        else:
            self._journal.error(what, exc_info=error)
