"""Keys and sessions: made once, known by their digest alone, and gone when they end."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from waypost.access.keys import SESSION_MS, Key, Keys, Role, Scope
from waypost.access.records import sessions
from waypost.engines.sql.records import SqlRecords
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.store.protocols import Records
from waypost.testing import Clock


def counting() -> Callable[[int], bytes]:
    """Bytes that anyone can guess: 1, 2, 3 ..."""
    numbers = itertools.count(1)
    return lambda size: next(numbers).to_bytes(4, "big") + bytes(size - 4)


@pytest.fixture
def records() -> Iterator[Records]:
    records = SqlRecords("sqlite://")
    yield records
    records.close()


@pytest.fixture
def keys(records: Records) -> Keys:
    return Keys(records, counting())


NOW = 10


def sign_in(keys: Keys, secret: str, now_ms: int = 10) -> str | None:
    """The token of a new session."""
    opened = keys.open_session(secret, now_ms)
    assert opened is not None
    key, token = opened
    assert key == keys.find(secret, NOW)
    return token


def count_sessions(records: Records) -> int:
    with records.read() as connection:
        return int(connection.execute(select(func.count()).select_from(sessions)).scalar_one())


def test_a_key_is_known_by_its_secret(keys: Keys) -> None:
    secret = keys.make(Role.OPERATOR, "first start", 5)
    assert secret == "wp_" + "00000001" + "00" * 20
    assert keys.find(secret, NOW) == Key("00000001", Role.OPERATOR, "first start")
    other = keys.make(Role.CARRIER, "圆通", 6)
    assert keys.find(other, NOW) == Key("00000002", Role.CARRIER, "圆通")
    assert keys.find(secret, NOW) == Key("00000001", Role.OPERATOR, "first start")


def test_there_is_a_key_once_one_was_made(keys: Keys) -> None:
    assert keys.any(Role.OPERATOR) is False
    keys.make(Role.OPERATOR, "first start", 5)
    assert keys.any(Role.OPERATOR) is True
    assert keys.any(Role.CARRIER) is False


@pytest.mark.parametrize(
    "wrong", ["", "wp_", "WP_" + "00000001" + "00" * 20, "00000001", " ", "' OR 1=1; --", "\0", "圆通", "x" * 100_000]
)
def test_a_wrong_secret_is_nobodys(keys: Keys, wrong: str) -> None:
    secret = keys.make(Role.OPERATOR, "first start", 5)
    assert keys.find(wrong, NOW) is None
    assert keys.find(secret[:-1], NOW) is None
    assert keys.find(secret + " ", NOW) is None
    assert keys.open_session(wrong, 10) is None
    assert keys.find_session(wrong, 10) is None


def test_a_key_is_no_session_and_a_session_no_key(keys: Keys) -> None:
    secret = keys.make(Role.OPERATOR, "first start", 5)
    token = sign_in(keys, secret)
    assert token is not None
    assert keys.find(token, NOW) is None
    assert keys.find_session(secret, 10) is None


def test_a_session_is_for_operators_only(records: Records, keys: Keys) -> None:
    carrier = keys.make(Role.CARRIER, "yto", 5)
    assert sign_in(keys, carrier) is None
    assert count_sessions(records) == 0


def test_a_session_lasts_for_its_time(keys: Keys) -> None:
    clock = Clock()
    secret = keys.make(Role.OPERATOR, "first start", clock())
    token = sign_in(keys, secret, clock())
    assert token is not None
    assert keys.find_session(token, clock()) == keys.find(secret, NOW)
    clock.move(hours=12)
    assert clock() == Clock()() + SESSION_MS
    assert keys.find_session(token, clock()) == keys.find(secret, NOW)
    assert keys.find_session(token, clock() + 1) is None


def test_a_session_that_was_closed_is_gone_and_others_stay(keys: Keys) -> None:
    secret = keys.make(Role.OPERATOR, "first start", 5)
    one, other = sign_in(keys, secret), sign_in(keys, secret)
    assert one is not None
    assert other is not None
    keys.close_session(one)
    keys.close_session(one)
    keys.close_session("nobody's")
    assert keys.find_session(one, 10) is None
    assert keys.find_session(other, 10) == keys.find(secret, NOW)


def test_sessions_that_ended_are_swept_out(records: Records, keys: Keys) -> None:
    secret = keys.make(Role.OPERATOR, "first start", 5)
    for _ in range(3):
        keys.open_session(secret, 10)
    assert count_sessions(records) == 3
    keys.open_session(secret, 11 + SESSION_MS)
    assert count_sessions(records) == 1


def test_a_key_that_is_withdrawn_at_that_moment_opens_no_session(records: Records) -> None:
    class Racing:
        """Records in which somebody else's transaction comes before every one that writes."""

        keys: Keys | None = None
        read = staticmethod(records.read)

        def begin(self) -> AbstractContextManager[Connection]:
            if self.keys is not None:
                self.keys.withdraw("00000001", NOW)
            return records.begin()

    racing = Racing()
    keys = Keys(racing, counting())
    secret = keys.make(Role.OPERATOR, "first start", 5)
    assert keys.open_session(secret, 10) is not None
    racing.keys = Keys(records, counting())
    assert keys.open_session(secret, 10) is None
    assert count_sessions(records) == 0


def test_no_two_keys_share_a_secret(records: Records) -> None:
    keys = Keys(records, lambda size: bytes(size))
    keys.make(Role.OPERATOR, "one", 5)
    with pytest.raises(IntegrityError):
        keys.make(Role.CARRIER, "two", 5)


def test_the_secrets_are_nowhere_in_the_database(tmp_path: Path) -> None:
    records = SqlRecords(f"sqlite:///{tmp_path / 'records.sqlite'}")
    keys = Keys(records, secrets.token_bytes)
    secret = keys.make(Role.OPERATOR, "first start", 5)
    token = sign_in(keys, secret)
    assert token is not None
    on_disk = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    records.close()
    on_disk += b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert b"first start" in on_disk
    for word in (secret, token):
        # all but the eight digits that are the public id of a key
        hidden = word.removeprefix("wp_")[8:]
        assert hidden.encode() not in on_disk
        assert bytes.fromhex(hidden) not in on_disk


def test_keys_outlive_the_process(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    records = SqlRecords(url)
    secret = Keys(records, secrets.token_bytes).make(Role.CARRIER, "yto", 5)
    records.close()
    again = SqlRecords(url)
    found = Keys(again, secrets.token_bytes).find(secret, 5)
    again.close()
    assert found == Key(secret[3:11], Role.CARRIER, "yto")


def test_roles_are_stored_by_name() -> None:
    assert {role.value for role in Role} == {"operator", "carrier", "merchant"}


def test_keys_are_listed_without_their_secrets(keys: Keys) -> None:
    assert keys.list_all() == []
    late = keys.make(Role.CARRIER, "yto", 9)
    early = keys.make(Role.OPERATOR, "first start", 5)
    assert [(each.key, each.made_ms) for each in keys.list_all()] == [
        (keys.find(early, NOW), 5),
        (keys.find(late, NOW), 9),
    ]


def test_a_key_that_was_withdrawn_is_gone_with_its_sessions(records: Records, keys: Keys) -> None:
    secret, other = keys.make(Role.OPERATOR, "one", 5), keys.make(Role.OPERATOR, "two", 5)
    token, others_token = sign_in(keys, secret), sign_in(keys, other)
    assert token is not None
    assert others_token is not None
    key = keys.find(secret, NOW)
    assert key is not None
    assert keys.withdraw("nobody's", NOW) is False
    assert keys.withdraw(key.id, NOW) is True
    assert keys.withdraw(key.id, NOW) is False
    assert (keys.find(secret, NOW), keys.find_session(token, 10), keys.open_session(secret, 10)) == (None, None, None)
    assert keys.find_session(others_token, 10) == keys.find(other, NOW)
    assert count_sessions(records) == 1


def test_a_carriers_key_may_be_bound(keys: Keys) -> None:
    bound = keys.make(Role.CARRIER, "counter", 1, ["ruralpost", "yto", "ruralpost"])
    free = keys.make(Role.CARRIER, "all", 2)
    found = keys.find(bound, NOW)
    assert found is not None
    assert found.carriers == ("ruralpost", "yto")
    assert [each.key.carriers for each in keys.list_all()] == [("ruralpost", "yto"), ()]
    opened = keys.open_session(free, 3, Role.CARRIER)
    assert opened is not None
    assert opened[1] is not None
    assert keys.open_session(free, 3) == (opened[0], None)


@pytest.mark.parametrize(
    ("role", "carriers", "why"),
    [
        (Role.CARRIER, ["a,b"], "no carrier code"),
        (Role.CARRIER, [""], "no carrier code"),
        (Role.OPERATOR, ["yto"], "speaks for every carrier"),
        (Role.CARRIER, [f"{number:032d}" for number in range(20)], "more than fit"),
    ],
)
def test_what_a_key_cannot_be_bound_to_is_refused(keys: Keys, role: Role, carriers: list[str], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        keys.make(role, "x", 1, carriers)
    assert not keys.any(role)


HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def test_a_key_that_is_rotated_has_two_secrets_for_a_while(keys: Keys) -> None:
    first = keys.make(Role.OPERATOR, "one", 5)
    key = keys.find(first, NOW)
    assert key is not None
    second = keys.rotate(key.id, NOW, HOUR_MS)
    assert second[:11] == first[:11]
    assert keys.find(first, NOW + HOUR_MS - 1) == keys.find(second, NOW) == key
    assert keys.find(first, NOW + HOUR_MS) is None
    assert keys.open_session(first, NOW + HOUR_MS) is None
    assert keys.open_session(first, NOW) is not None
    with pytest.raises(Conflict, match="the secret before works until 1970-"):  # which it was promised
        keys.rotate(key.id, NOW + HOUR_MS - 1, HOUR_MS)
    assert keys.find(first, NOW + HOUR_MS - 1) == keys.find(second, NOW) == key
    third = keys.rotate(key.id, NOW + HOUR_MS, HOUR_MS)
    assert keys.find(second, NOW + HOUR_MS) == keys.find(third, NOW + HOUR_MS) == key
    assert [each.old_ends_ms for each in keys.list_all()] == [NOW + 2 * HOUR_MS]
    fourth = keys.rotate(key.id, NOW + HOUR_MS, 0)  # stolen: all others end
    assert [keys.find(each, NOW + HOUR_MS) for each in (first, second, third)] == [None] * 3
    assert keys.find(fourth, NOW + HOUR_MS) == key


def test_a_key_that_was_stolen_is_rotated_at_once(records: Records, keys: Keys) -> None:
    secret = keys.make(Role.OPERATOR, "one", 5)
    token = sign_in(keys, secret)
    assert token is not None
    new = keys.rotate(secret[3:11], NOW, 0)
    assert keys.find(secret, NOW) is None
    assert keys.find_session(token, NOW) is None
    assert count_sessions(records) == 0
    assert keys.find(new, NOW) is not None


def test_a_key_that_has_ended_is_not_rotated(keys: Keys) -> None:
    secret = keys.make(Role.OPERATOR, "one", 5, ends_ms=NOW)
    for id_ in (secret[3:11], "nobody's"):
        with pytest.raises(NotFound, match="no key that works"):
            keys.rotate(id_, NOW, HOUR_MS)
    assert keys.find(secret, NOW - 1) is not None


def test_the_day_on_which_a_key_was_used_last_is_known(keys: Keys) -> None:
    secret, other = keys.make(Role.OPERATOR, "one", 5), keys.make(Role.OPERATOR, "two", 6)
    for at in (2 * DAY_MS - 1, 9 * DAY_MS, 9 * DAY_MS + 5):
        assert keys.find(secret, at) is not None
    assert keys.find("wp_wrong", NOW) is None
    assert [each.used_day for each in keys.list_all()] == ["1970-01-10", None]
    assert keys.open_session(other, DAY_MS) is not None
    assert [each.used_day for each in keys.list_all()] == ["1970-01-10", "1970-01-02"]


def test_a_key_with_a_scope_opens_no_pages(keys: Keys) -> None:
    secret = keys.make(Role.OPERATOR, "looks on", 5, scope=Scope.READ)
    key = keys.find(secret, NOW)
    assert key is not None
    assert key.scope is Scope.READ
    assert keys.open_session(secret, NOW) == (key, None)


@pytest.mark.parametrize(("role", "scope"), [(Role.OPERATOR, Scope.ORDERS), (Role.CARRIER, Scope.READ)])
def test_scopes_go_with_roles(keys: Keys, role: Role, scope: Scope) -> None:
    with pytest.raises(BadInput, match="has not the scope"):
        keys.make(role, "k", 5, scope=scope)
