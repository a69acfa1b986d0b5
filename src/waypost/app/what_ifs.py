"""What if, asked of the twin of a demo: a process of its own runs its days twice, one question after another."""

import multiprocessing
import os
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import msgspec

from waypost.model.errors import NotFound, TooMany, WaypostError
from waypost.twin import changes as twin
from waypost.twin.comparing import Comparison, Figures, compare
from waypost.twin.fronts import Front
from waypost.twin.run import check
from waypost.twin.world import World, make_world
from waypost.web import what_ifs as asked
from waypost.web.what_ifs import Difference, HubBacklog, Question, RunFigures, Stage, WhatIf

_MOST_WAITING, _MOST_KEPT = 5, 30
_LONGEST_S, _LOOK_S = 900.0, 0.2
_HOUR_MS = 3_600_000
#: What is asked may wait; whoever looks at the network may not.
_NICE = 10


class TwinWhatIfs:
    """Answers by a twin. Questions and answers are kept in memory, the newest of them.

    Args:
        world: the twin's; it is made anew from its seed in the process that answers.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, WhatIf] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def ask(self, question: Question, who: str, now_ms: int) -> WhatIf:
        """See `WhatIfs`."""
        check(self._world, question.from_ms, _read(question))  # refuses what cannot be before anybody waits for it
        with self._changed:
            waiting = sum(each.stage in (Stage.WAITING, Stage.RUNNING) for each in self._known.values())
            if waiting > _MOST_WAITING:
                mend = "Ask again when one is done."
                raise TooMany("enough questions wait for the twin", retry_after_s=10, mend=mend)
            found = WhatIf(id=f"wif_{secrets.token_hex(8)}", question=question, who=who, asked_ms=now_ms)
            self._known[found.id] = found
            over = [each.id for each in self._known.values() if each.stage in (Stage.DONE, Stage.FAILED)]
            for id_ in over[: max(len(self._known) - _MOST_KEPT, 0)]:
                del self._known[id_]
            self._changed.notify_all()
        return found

    def get(self, id_: str) -> WhatIf:
        """See `WhatIfs`."""
        with self._changed:
            return self._get(id_)

    def list_all(self) -> list[WhatIf]:
        """See `WhatIfs`."""
        with self._changed:
            return list(reversed(self._known.values()))

    def drop(self, id_: str) -> None:
        """See `WhatIfs`."""
        with self._changed:
            self._get(id_)
            del self._known[id_]

    def start(self) -> None:
        """Answer from now on, in a thread of its own."""
        self._thread = threading.Thread(target=self._go_on, name="what-ifs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; what is being answered is let be."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _get(self, id_: str) -> WhatIf:
        found = self._known.get(id_)
        if found is None:
            raise NotFound(f"there is no what-if {id_!r}", mend="Of many only the newest are kept, until a restart.")
        return found

    def _go_on(self) -> None:
        while (found := self._next()) is not None:
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe(duplex=False)
            told = (self._world.seed, self._world.parcels_per_day, found.question)
            process = context.Process(target=_answer, args=(theirs, *told), name="what-if", daemon=True)
            try:
                process.start()
                theirs.close()
                self._follow(found.id, process, ours)
            except Exception as error:
                self._note(found.id, stage=Stage.FAILED, why=str(error))
            finally:
                ours.close()
                if process.pid is not None:
                    process.kill()
                    process.join()

    def _next(self) -> WhatIf | None:
        with self._changed:
            while not self._stopping:
                found = next((each for each in self._known.values() if each.stage is Stage.WAITING), None)
                if found is not None:
                    return found
                self._changed.wait()
        return None

    def _follow(self, id_: str, process: BaseProcess, told: Connection) -> None:
        """What the process tells, until it is done, nobody asks any more, or it took too long."""
        self._note(id_, stage=Stage.RUNNING)
        until_s = time.monotonic() + _LONGEST_S
        try:
            while self._is_wanted(id_):
                news = told.recv() if told.poll(_LOOK_S) else None
                if isinstance(news, float):
                    self._note(id_, share=news)
                elif news is not None:
                    self._note(id_, **_ended(news))
                    return
                if time.monotonic() > until_s:
                    why = f"it took longer than {_LONGEST_S:.0f} s; ask for fewer days"
                    self._note(id_, stage=Stage.FAILED, why=why)
                    return
        except EOFError:
            process.join(1)
            why = f"the process that answers ended by itself ({process.exitcode}); see the journal of the server"
            self._note(id_, stage=Stage.FAILED, why=why)

    def _is_wanted(self, id_: str) -> bool:
        with self._changed:
            return not self._stopping and id_ in self._known

    def _note(self, id_: str, **news: object) -> None:
        with self._changed:
            if id_ in self._known:
                self._known[id_] = msgspec.structs.replace(self._known[id_], **news)


def _ended(news: Comparison | str) -> dict[str, object]:
    if isinstance(news, str):
        return {"stage": Stage.FAILED, "why": news}
    return {"stage": Stage.DONE, "share": 1.0, "answer": _view(news)}


def _answer(told: Connection, seed: int, parcels_per_day: float, question: Question) -> None:
    """Answer one question: tell the share that is done, then the comparison, or in words why there is none."""
    with suppress(OSError):
        os.nice(_NICE)
    try:
        world = make_world(seed, parcels_per_day)
        told.send(compare(world, _read(question), from_ms=question.from_ms, days=question.days, tell=told.send))
    except WaypostError as error:
        told.send(str(error))
    except BrokenPipeError:
        return  # whoever asked is gone


def _read(question: Question) -> Sequence[twin.Change]:
    """The changes as the twin knows them."""

    def at_ms(hour: float) -> int:
        return question.from_ms + round(hour * _HOUR_MS)

    found: list[twin.Change] = []
    for each in question.changes:
        match each:
            case asked.CloseHub():
                since, until = at_ms(each.from_hour), at_ms(each.until_hour)
                found.append(twin.CloseHub(hub=each.hub, from_ms=since, until_ms=until))
            case asked.MoveCutOff():
                found.append(twin.MoveCutOff(hub=each.hub, minutes=each.minutes))
            case asked.ChangeRoom():
                found.append(twin.ChangeRoom(start=each.hub, end=each.towards, times=each.times))
            case asked.AddFront():
                front = Front(
                    since_ms=at_ms(each.from_hour),
                    hours=each.hours,
                    latitude=each.latitude,
                    longitude=each.longitude,
                    radius_km=each.radius_km,
                    slower=each.slower,
                )
                found.append(twin.AddFront(front=front))
            case asked.MoreDemand():
                found.append(twin.MoreDemand(percent=each.percent))
    return found


def _view(found: Comparison) -> Difference:
    same = {name: getattr(found, name) for name in ("hit", "later", "earlier", "added", "gone")}
    return Difference(
        **same,
        base=_figures(found.base),
        changed=_figures(found.changed),
        first_hour_ms=found.hours_ms[0] if found.hours_ms else found.from_ms,
        backlogs=[HubBacklog(**msgspec.structs.asdict(each)) for each in found.backlogs],
    )


def _figures(run: Figures) -> RunFigures:
    costs = run.costs
    cost = asked.Cost(
        currency="CNY",
        all=run.cost_fen,
        linehaul=costs.linehaul_fen,
        sorting=costs.sorting_fen,
        delivery=costs.delivery_fen,
    )
    names = ("parcels", "arrived", "lost", "kept_share", "p50_h", "p90_h", "worst_backlog")
    return RunFigures(**{name: getattr(run, name) for name in names}, cost=cost)
