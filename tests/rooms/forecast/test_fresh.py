"""Something that is kept ready."""

import threading
import traceback

import pytest

from waypost.forecast.fresh import RETRY_MS, Fresh
from waypost.model.errors import Conflict, StoreDamaged


class Maker:
    """Makes words, each named after its instant, as soon as it is let."""

    def __init__(self, age_ms: int = 1000) -> None:
        self.now, self.version, self.made = 0, 1, 0
        self.is_let = threading.Event()
        self.fails: Exception | None = None
        self.takes = 0
        self.fresh = Fresh("words", self._find_version, self._make, lambda: self.now, age_ms)

    def _find_version(self) -> int:
        if not self.version:
            raise Conflict("there is none")
        return self.version

    def _make(self, at_ms: int) -> tuple[int, str]:
        assert self.is_let.wait(30)
        self.made += 1
        self.now += self.takes
        if self.fails is not None:
            raise self.fails
        return self.version, f"{self.version} at {at_ms}"

    def wait(self) -> None:
        """Until nothing is being made."""
        self.is_let.set()
        for thread in threading.enumerate():
            if thread.name == "words":
                thread.join(30)


def test_who_glances_never_waits() -> None:
    maker = Maker()
    assert maker.fresh.glance() is None
    assert maker.fresh.glance() is None, "one is being made"
    maker.wait()
    assert (maker.fresh.glance(), maker.made) == ("1 at 0", 1)
    maker.is_let.clear()
    maker.now = 1000
    assert maker.fresh.glance() == "1 at 0"
    maker.wait()
    assert (maker.fresh.open(), maker.made) == ("1 at 1000", 2)


def test_who_opens_waits_for_what_another_makes() -> None:
    maker = Maker()
    assert maker.fresh.glance() is None
    threading.Timer(0.01, maker.is_let.set).start()
    assert (maker.fresh.open(), maker.made) == ("1 at 0", 1)


def test_what_failed_beside_is_told_to_who_opens_and_not_tried_again_at_once() -> None:
    maker = Maker()
    maker.fails = Conflict("too little came")
    assert maker.fresh.glance() is None
    maker.wait()
    for _ in range(2):
        assert maker.fresh.glance() is None
        with pytest.raises(Conflict, match="too little came"):
            maker.fresh.open()
    assert maker.made == 1
    maker.version, maker.fails = 2, None
    assert maker.fresh.open() == "2 at 0"


@pytest.mark.parametrize(("takes", "rests"), [(0, RETRY_MS), (RETRY_MS, 10 * RETRY_MS), (9 * RETRY_MS, 30 * RETRY_MS)])
def test_what_is_not_there_is_tried_again_before_it_would_be_old(takes: int, rests: int) -> None:
    """Who is told to send something asks again when it is sent; what takes long to try keeps few waiting."""
    maker = Maker(30 * RETRY_MS)
    maker.is_let.set()
    maker.fails, maker.takes = Conflict("nothing came"), takes
    for now, made in ((takes, 1), (rests - 1, 1)):
        with pytest.raises(Conflict, match="nothing came"):
            maker.fresh.open()
        assert maker.made == made
        maker.now = max(now, rests - 1)
    maker.fails, maker.takes, maker.now = None, 0, rests
    assert (maker.fresh.open(), maker.made) == (f"1 at {rests}", 2)
    maker.now = rests + 30 * RETRY_MS - 1
    assert (maker.fresh.open(), maker.made) == (f"1 at {rests}", 2), "what is there stays until it is old"


def test_without_a_version_there_is_nothing() -> None:
    maker = Maker()
    maker.version = 0
    for ask in (maker.fresh.glance, maker.fresh.open):
        with pytest.raises(Conflict, match="there is none"):
            ask()


def test_what_failed_does_not_grow_by_being_told() -> None:
    maker = Maker()
    maker.fails = Conflict("too little came")
    maker.is_let.set()
    depths = []
    for _ in range(5):
        with pytest.raises(Conflict) as told:
            maker.fresh.open()
        depths.append(len(traceback.extract_tb(told.value.__traceback__)))
    assert depths[1] == depths[-1]


def test_where_no_thread_can_begin_another_is_made_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    maker, noted = Maker(), list[Exception]()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            maker.fresh.glance()
        maker.fresh.note = noted.append
        assert maker.fresh.glance() is None
    assert [str(each) for each in noted] == ["can't start new thread"]
    assert maker.fresh.glance() is None
    maker.wait()
    assert maker.fresh.glance() == "1 at 0"


def test_what_cannot_be_read_is_noted_though_nobody_opens_it() -> None:
    """Pages only glance: without a note they would say nothing for ever, and nobody would know why."""
    maker, noted = Maker(), list[Exception]()
    maker.fresh.note = noted.append
    for maker.version, maker.fails in ((1, Conflict("too little came")), (2, StoreDamaged("it is not as it was"))):
        assert maker.fresh.glance() is None
        maker.wait()
    assert noted == [maker.fails]
    with pytest.raises(StoreDamaged):
        maker.fresh.open()
