"""Stopping while history is read: whoever reads it ends, quietly and at once."""

import functools
import io
import threading
import time
from pathlib import Path
from typing import Any

import ibis
import pyarrow as pa
import pytest

from waypost.app.polling import Polling
from waypost.app.scores import Scores
from waypost.app.settings import Settings
from waypost.app.wiring import House, open_house
from waypost.model.errors import Closed
from waypost.track.gaps import Gaps, usual_gaps
from waypost.track.scorecards import Scorecards
from waypost.web.journal import open_journal

STO = {
    "carrier": "sto",
    "url": "http://127.0.0.1:9",
    "polls_per_hour": 60,
    **dict.fromkeys(("from_appkey", "from_code", "site_code", "customer_name", "secret", "site_pwd"), "x"),
}
ROWS = pa.table({"x": range(2_000)})


def ask_for_ever(house: House, begun: threading.Event) -> Any:
    """A question to history that does not come to an end."""

    def ask(_: Any) -> Any:
        begun.set()
        numbers = [ibis.memtable(ROWS).select(**{name: "x"}) for name in "abcde"]
        crossed = functools.reduce(lambda one, other: one.cross_join(other), numbers)
        return crossed.aggregate(most=(crossed.a * crossed.b + crossed.c * crossed.d - crossed.e).max())

    return house.memory.history.run(ask)


def test_what_is_learned_holds_up_nobody_who_stops(tmp_path: Path) -> None:
    told, begun = io.StringIO(), threading.Event()
    with open_house(Settings(home=tmp_path, accounts={"sto": STO})) as house:
        house.open_accounts()

        def learn() -> Gaps:
            ask_for_ever(house, begun)
            return usual_gaps()

        polling = Polling(house.pollers.values(), learn, usual_gaps(), open_journal(told))
        polling.start()
        [learner] = [thread for thread in threading.enumerate() if thread.name == "learn gaps"]
        assert begun.wait(60)
        stopping_s = time.monotonic()
        house.home.end_questions()
        polling.stop()
        learner.join(30)
        assert not learner.is_alive()
        assert time.monotonic() - stopping_s < 10
    assert told.getvalue() == ""


def test_scorecards_that_are_worked_out_are_broken_off(tmp_path: Path) -> None:
    begun, ended = threading.Event(), []
    with open_house(Settings(home=tmp_path)) as house:

        def read(since_ms: int, until_ms: int | None) -> Scorecards:
            cards: Scorecards = ask_for_ever(house, begun)
            return cards

        def look() -> None:
            with pytest.raises(Closed) as raised:
                Scores(read, 300)(0, None)
            ended.append(str(raised.value))

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        assert begun.wait(60)
    looking.join(30)
    assert len(ended) == 1
