"""Turns: one slow or broken webhook does not take those of the others."""

from waypost.care.turns import FAILURES, LONGEST_PAUSE_S, OF_MERCHANT, OF_WEBHOOK, PAUSE_S, Turns


class Ticks:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_webhook_a_merchant_and_all_have_so_many() -> None:
    turns = Turns(Ticks(), 18)
    for webhook in range(9):
        for _ in range(turns.find_free(str(webhook), "estrela")):
            turns.begin(str(webhook), "estrela")
        assert turns.find_free(str(webhook), "estrela") == 0
    assert turns.free == 18 - OF_MERCHANT
    assert turns.find_free("other", "ming") == 2 < OF_WEBHOOK
    turns.end("0", "estrela", is_well=True)
    assert turns.find_free("other", "ming") == 3


def test_one_that_fails_is_left_alone_ever_longer_and_then_one_tries() -> None:
    ticks = Ticks()
    turns = Turns(ticks, 64)
    pauses = []
    for failure in range(FAILURES + 8):
        turns.begin("a", "estrela")
        turns.end("a", "estrela", is_well=False)
        if failure + 1 < FAILURES:
            assert turns.find_free("a", "estrela") == OF_WEBHOOK
            continue
        begun_s = ticks.now_s
        while not turns.find_free("a", "estrela"):
            ticks.now_s += PAUSE_S
        assert turns.find_free("a", "estrela") == 1
        pauses.append(ticks.now_s - begun_s)
        assert turns.find_free("b", "estrela") == OF_WEBHOOK
    assert pauses[:3] == [PAUSE_S, 2 * PAUSE_S, 4 * PAUSE_S]
    assert max(pauses) == LONGEST_PAUSE_S
    assert turns.count_alone() == 1
    turns.begin("a", "estrela")
    assert turns.find_free("a", "estrela") == 0
    turns.end("a", "estrela", is_well=True)
    assert turns.find_free("a", "estrela") == OF_WEBHOOK
    assert turns.count_alone() == 0


def test_it_is_tried_at_once_if_its_merchant_asks() -> None:
    turns = Turns(Ticks(), 64)
    for _ in range(FAILURES):
        turns.begin("a", "estrela")
        turns.end("a", "estrela", is_well=False)
    assert turns.find_free("a", "estrela") == 0
    turns.forgive("a")
    assert turns.find_free("a", "estrela") == OF_WEBHOOK


def test_all_get_their_turn_where_there_are_too_few_for_all() -> None:
    turns = Turns(Ticks(), 1)
    served = []
    for _ in range(6):
        webhook = next(each for each in turns.in_turn(["c", "a", "b"]) if turns.find_free(each, each))
        turns.begin(webhook, webhook)
        served.append(webhook)
        turns.end(webhook, webhook, is_well=True)
    assert served == ["a", "b", "c", "a", "b", "c"]
