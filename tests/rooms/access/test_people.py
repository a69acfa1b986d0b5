"""People log in with passwords, get them by invitations, and are let in no more when they have ended."""

import threading
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.rooms.access.test_keys import counting

from waypost.access.guesses import Guesses, Rate
from waypost.access.keys import Key, Role
from waypost.access.parties import Parties
from waypost.access.passwords import Cost, Passwords, find_weakness
from waypost.access.people import OF_LOGINS, People, WeakPassword
from waypost.access.records import guesses, invitations, people, person_sessions
from waypost.access.sealed import drop_sealed, reseal
from waypost.access.sealing import Seal
from waypost.access.sessions import Sessions
from waypost.access.trail import Trail, Wanted
from waypost.app.seals import SEALED
from waypost.engines.sql.records import SqlRecords
from waypost.model.errors import BadInput, Conflict, NotAllowed, NotFound, TooMany
from waypost.model.parties import PartyKind
from waypost.store.protocols import Records
from waypost.testing import Clock

HOUR_MS = 3_600_000
NOW = Clock().now_ms
GOOD, BETTER = "correct horse battery", "staple of the horses"
CHEAP = Cost(memory_kib=8)
PLENTY = Rate(per_min=600, burst=1000)


class Access:
    """People over some records, at a cost that tests can bear."""

    def __init__(self, records: Records, *, cost: Cost = CHEAP, of_addresses: Rate = PLENTY) -> None:
        self.records = records
        self.token = _TOKEN
        self.seal = Seal({1: b"k" * 32}, self.token)
        self.sessions = Sessions(records, lambda: self.seal, self.token, idle_ms=2 * HOUR_MS, lasting_ms=12 * HOUR_MS)
        passwords = Passwords(self.token, cost)
        self.people = People(records, lambda: self.seal, self.token, passwords, self.sessions, of_addresses)

    def add(self, login: str = "ann@example.org", password: str | None = GOOD) -> str:
        person = self.people.add(login, "Ann Li", [Role.OPERATOR], NOW)
        if password is not None:
            self.people.set_password(person.id, password, NOW)
        return person.id

    def log_in(self, login: str = "ann@example.org", password: str = GOOD, at: int = NOW, address: str = "a") -> str:
        return self.people.log_in(login, password, address, "Firefox", at)

    def trail(self) -> list[str]:
        return [each.what for each in reversed(Trail(self.records).list_page(Wanted(), None, 100)[0])]


_TOKEN = counting()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = SqlRecords(f"sqlite:///{tmp_path / 'records.sqlite'}")
    yield records
    records.close()


@pytest.fixture
def access(records: Records) -> Access:
    return Access(records)


# Passwords


def test_a_password_is_kept_at_the_cost_that_is_advised() -> None:
    passwords = Passwords(_TOKEN)
    kept = passwords.keep(GOOD)
    assert kept.startswith("$argon2id$v=19$m=47104,t=1,p=1$")
    assert kept != passwords.keep(GOOD)
    assert passwords.knows(GOOD, kept)
    assert not passwords.knows(GOOD + " ", kept)
    assert not passwords.knows(GOOD, None)
    assert not passwords.is_dated(kept)
    assert passwords.is_dated(Passwords(_TOKEN, CHEAP).keep(GOOD))


def test_a_password_that_is_taken_works_however_it_is_composed() -> None:
    phrase = unicodedata.normalize("NFD", "é" * 100 + " la clé du château")
    assert len(phrase) > 200 > len(unicodedata.normalize("NFKC", phrase))
    passwords = Passwords(_TOKEN, CHEAP)
    assert find_weakness(phrase, "ann") is None
    assert passwords.knows(phrase, passwords.keep(phrase))
    assert find_weakness("é" * 201, "ann") == "long"
    assert not passwords.knows("x" * 100_000, passwords.keep("x" * 20))


def test_a_password_is_the_same_however_it_is_composed() -> None:
    passwords = Passwords(_TOKEN, CHEAP)
    assert passwords.knows("cafe\u0301 con leche", passwords.keep("caf\u00e9 con leche"))


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("elevenchars", "short"),
        ("x" * 7 + "y" * 7, "plain"),
        ("Ann.Lindqvist1", "login"),
        ("a longer one" * 20, "long"),
        (GOOD, None),
        ("ann.lindqvist likes trains", None),
        ("十二个字的密码也可以用的啊", None),
    ],
)
def test_which_passwords_are_taken(password: str, reason: str | None) -> None:
    assert find_weakness(password, "ann.lindqvist@example.org") == reason


def test_a_password_that_is_kept_at_an_old_cost_is_kept_anew(records: Records) -> None:
    Access(records).add()
    dearer = Access(records, cost=Cost(memory_kib=16))
    assert dearer.log_in()
    with records.read() as connection:
        assert "m=16," in connection.execute(select(people.c.password)).scalar_one()
    assert dearer.log_in()


# Logging in


def test_login_and_password_together_open_a_session(access: Access) -> None:
    id_ = access.add()
    token = access.log_in(" ANN@example.org")
    session = access.sessions.find(token, NOW)
    assert session is not None
    assert (session.person.id, session.person.login, session.person.name) == (id_, "ann@example.org", "Ann Li")
    assert session.person.in_role(Role.OPERATOR) == Key(id_, Role.OPERATOR, "Ann Li")
    assert session.person.in_role(Role.CARRIER) is None
    assert session.browser == "Firefox"
    for login, password in (("ann@example.org", BETTER), ("bob@example.org", GOOD), ("", ""), ("ann\ud800", GOOD)):
        with pytest.raises(NotAllowed, match="not known together"):
            access.log_in(login, password)
    expected = ["person.added", "person.password_changed", "person.logged_in", *["person.login_failed"] * 4]
    assert access.trail() == expected


def test_neither_names_nor_passwords_nor_tokens_lie_in_the_records(access: Access, tmp_path: Path) -> None:
    access.add()
    token = access.log_in()
    invitation = access.people.invite(access.add("bob@example.org", None), NOW, HOUR_MS)
    with pytest.raises(NotAllowed):
        access.log_in("a typed password")
    access.records.close()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (b"Ann Li", b"ann@example", GOOD.encode(), token.encode(), invitation.encode(), b"a typed"):
        assert secret not in kept


def test_who_has_no_password_cannot_log_in(access: Access) -> None:
    access.add(password=None)
    for password in ("", "None", GOOD):
        with pytest.raises(NotAllowed):
            access.log_in(password=password)


def test_guesses_at_a_login_run_out_also_after_a_restart(access: Access, records: Records) -> None:
    access.add()
    for place in range(int(OF_LOGINS.burst)):
        with pytest.raises(NotAllowed):
            access.log_in(password=f"wrong {place}", address=f"a{place}")
    again = Access(records)
    with pytest.raises(TooMany) as refused:  # the right one too, or a guesser would learn it
        again.log_in(address="another")
    assert refused.value.retry_after_s == 60
    assert again.log_in(at=NOW + 60_000)
    assert again.log_in(at=NOW + 60_000)


def test_logins_that_nobody_has_run_out_alike(access: Access) -> None:
    for place in range(int(OF_LOGINS.burst)):
        with pytest.raises(NotAllowed):
            access.log_in("nobody", address=f"a{place}")
    with pytest.raises(TooMany):
        access.log_in("Nobody")


def test_guesses_from_an_address_run_out_over_all_logins(records: Records) -> None:
    access = Access(records, of_addresses=Rate(per_min=6, burst=3))
    access.add()
    for _ in range(5):
        assert access.log_in()  # a right one costs nothing
    for place in range(3):
        with pytest.raises(NotAllowed):
            access.log_in(f"login{place}")
    with pytest.raises(TooMany) as refused:
        access.log_in()
    assert refused.value.retry_after_s == 10
    assert access.log_in(address="another")
    assert access.log_in(at=NOW + 10_000)


def test_a_clock_that_is_set_back_locks_nobody_out_for_long(access: Access) -> None:
    access.add()
    with pytest.raises(NotAllowed):
        access.log_in(password="wrong", at=NOW + 10**9)
    with pytest.raises(TooMany) as refused:
        access.log_in()
    assert refused.value.retry_after_s == 60


def test_what_is_kept_of_guesses_goes_when_it_tells_nothing_any_more(access: Access) -> None:
    for place in range(5):
        with pytest.raises(NotAllowed):
            access.log_in(f"login{place}")
    with pytest.raises(NotAllowed):
        access.log_in("last", at=NOW + 60_001)
    with access.records.read() as connection:
        assert connection.execute(select(func.count()).select_from(guesses)).scalar_one() == 2


def test_many_guesses_at_once_are_all_counted(access: Access) -> None:
    counting_, won, lock = Guesses(access.records), [], threading.Lock()

    def guess() -> None:
        try:
            counting_.take({"login x": Rate(per_min=1, burst=5)}, NOW)
        except TooMany:
            return
        with lock:
            won.append(1)

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 5


# Sessions


def test_a_session_ends_when_it_is_not_used_and_in_the_end_anyhow(access: Access) -> None:
    access.add()
    idle, used = access.log_in(), access.log_in()
    for hour in range(1, 12):
        assert access.sessions.find(used, NOW + hour * HOUR_MS) is not None
    assert access.sessions.find(idle, NOW + 2 * HOUR_MS) is None
    assert access.sessions.find(used, NOW + 12 * HOUR_MS - 1) is not None
    assert access.sessions.find(used, NOW + 12 * HOUR_MS) is None
    access.log_in(at=NOW + 13 * HOUR_MS)
    with access.records.read() as connection:  # those that have ended are gone by then
        assert connection.execute(select(func.count()).select_from(person_sessions)).scalar_one() == 1


def test_ones_sessions_are_listed_and_ended(access: Access) -> None:
    ann, bob = access.add(), access.add("bob@example.org")
    first, second, third = (access.log_in(at=NOW + place) for place in range(3))
    bobs = access.log_in("bob@example.org")
    at = NOW + 5
    listed = access.sessions.list_of(ann, at)
    assert [each.made_ms for each in listed] == [NOW + 2, NOW + 1, NOW]
    [of_bob] = access.sessions.list_of(bob, at)
    with pytest.raises(NotFound):
        access.sessions.end(ann, of_bob.id, at)
    access.sessions.end(ann, listed[2].id, at)
    assert access.sessions.find(first, at) is None
    assert access.sessions.end_others(ann, listed[0].id, at) == 1
    assert access.sessions.find(second, at) is None
    assert access.sessions.find(third, at) is not None
    access.sessions.close(third, at)
    access.sessions.close(third, at)
    access.sessions.close("nobody's", at)
    assert access.sessions.find(third, at) is None
    assert access.sessions.find(bobs, at) is not None
    assert access.trail().count("session.ended") == 3


# Invitations and changes


def test_an_invitation_is_good_for_once(access: Access) -> None:
    id_ = access.add(password=None)
    token = access.people.invite(id_, NOW, HOUR_MS)
    assert len(token) == 48
    with pytest.raises(WeakPassword, match="fewer than 12"):
        access.people.accept(token, "short", "Firefox", NOW)
    invited = access.people.find_invited(token, NOW)
    assert invited is not None
    assert invited.id == id_
    session = access.sessions.find(access.people.accept(token, GOOD, "Firefox", NOW), NOW)
    assert session is not None
    assert session.person.id == id_
    assert access.log_in()
    assert access.people.find_invited(token, NOW) is None
    with pytest.raises(NotFound, match="was used"):
        access.people.accept(token, BETTER, "Firefox", NOW)


def test_an_invitation_ends_and_another_takes_its_place(access: Access) -> None:
    id_ = access.add(password=None)
    first = access.people.invite(id_, NOW, HOUR_MS)
    second = access.people.invite(id_, NOW, HOUR_MS)
    assert access.people.find_invited(first, NOW) is None
    assert access.people.find_invited(second, NOW + HOUR_MS - 1) is not None
    assert access.people.find_invited(second, NOW + HOUR_MS) is None
    with pytest.raises(NotFound):
        access.people.accept(second, GOOD, "Firefox", NOW + HOUR_MS)


def test_whoever_uses_a_link_for_a_lost_password_ends_the_sessions_there_were(access: Access) -> None:
    id_ = access.add()
    token = access.log_in()
    new = access.people.accept(access.people.invite(id_, NOW, HOUR_MS), BETTER, "Firefox", NOW)
    assert access.sessions.find(token, NOW) is None
    assert access.sessions.find(new, NOW) is not None
    with pytest.raises(NotAllowed):
        access.log_in()
    assert access.log_in(password=BETTER)


def test_changing_ones_password_ends_all_other_sessions(access: Access) -> None:
    id_ = access.add()
    here, there = access.log_in(), access.log_in()
    session = access.sessions.find(here, NOW)
    assert session is not None
    invitation = access.people.invite(id_, NOW, HOUR_MS)
    with pytest.raises(NotAllowed, match="not the password so far"):
        access.people.change_password(id_, "wrong", BETTER, session.id, "a", NOW)
    with pytest.raises(WeakPassword):
        access.people.change_password(id_, GOOD, "short", session.id, "a", NOW)
    access.people.change_password(id_, GOOD, BETTER, session.id, "a", NOW)
    assert access.sessions.find(here, NOW) is not None
    assert access.sessions.find(there, NOW) is None
    assert access.people.find_invited(invitation, NOW) is None
    assert access.log_in(password=BETTER)


def test_a_password_that_is_changed_while_it_is_compared_opens_nothing(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = access.add()
    knows: Callable[[Passwords, str, str | None], bool] = Passwords.knows

    def slow(self: Passwords, password: str, kept: str | None) -> bool:
        access.people.set_password(id_, BETTER, NOW)
        return knows(self, password, kept)

    monkeypatch.setattr(Passwords, "knows", slow)
    with pytest.raises(NotAllowed):
        access.log_in()
    assert access.sessions.list_of(id_, NOW) == []


# Who may be added, and who has ended


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"login": ""}, "a login has 1 to 120"),
        ({"login": "ann li"}, "no blanks"),
        ({"login": "x" * 121}, "a login has"),
        ({"name": "\n"}, "a name has 1 to 80"),
        ({"name": "a\x1bb"}, "control characters"),
        ({"roles": []}, "has a role"),
        ({"carriers": ["yto"]}, "only who has the role carrier"),
        ({"roles": [Role.CARRIER], "carriers": ["Y T O"]}, "no carrier code"),
        ({"roles": [Role.MERCHANT]}, "belong to a party"),
        ({"party": "mer_x"}, "belong to a party"),
    ],
)
def test_who_cannot_be_added(access: Access, values: dict[str, object], why: str) -> None:
    told = {"login": "ann", "name": "Ann", "roles": [Role.OPERATOR], "now_ms": NOW} | values
    with pytest.raises(BadInput, match=why):
        access.people.add(**told)  # type: ignore[arg-type]
    assert not access.people.any()


def test_a_login_is_given_once(access: Access) -> None:
    access.add("ann@example.org")
    with pytest.raises(Conflict, match="somebody has that login"):
        access.add("Ann@Example.ORG")


def test_roles_are_what_each_key_of_theirs_may(access: Access) -> None:
    party = Parties(access.records, access.token).add(PartyKind.MERCHANT, "Estrela", NOW).id
    roles = [Role.CARRIER, Role.MERCHANT]
    person = access.people.add("bo", "Bo", roles, NOW, ["yto", "sto"], party=party)
    assert person.in_role(Role.OPERATOR) is None
    assert person.in_role(Role.CARRIER) == Key(person.id, Role.CARRIER, "Bo", ("yto", "sto"))
    assert person.in_role(Role.MERCHANT) == Key(person.id, Role.MERCHANT, "Bo", (), party)
    assert access.people.get(person.id) == person
    with pytest.raises(NotFound, match="no merchant has the id"):
        access.people.add("cy", "Cy", [Role.MERCHANT], NOW, party="mer_x")


def test_who_has_ended_is_let_in_no_more_and_the_login_is_free(access: Access) -> None:
    id_ = access.add()
    token, invitation = access.log_in(), access.people.invite(id_, NOW, HOUR_MS)
    assert access.people.end(id_, NOW + 1) == 1
    assert access.sessions.find(token, NOW + 1) is None
    assert access.people.find_invited(invitation, NOW + 1) is None
    with pytest.raises(NotAllowed):
        access.log_in()
    for deed in (
        lambda: access.people.end(id_, NOW),
        lambda: access.people.get(id_),
        lambda: access.people.invite(id_, NOW, 1),
        lambda: access.people.set_password(id_, BETTER, NOW),
        lambda: access.people.let_in(id_, "Firefox", NOW, "openid"),
    ):
        with pytest.raises(NotFound, match="nobody has the id"):
            deed()
    assert not access.people.any()
    again = access.add(password=BETTER)
    assert access.log_in(password=BETTER)
    ended, here = access.people.list_all()
    assert (ended.id, ended.name, ended.ended_ms, here.id, here.ended_ms) == (id_, "Ann Li", NOW + 1, again, None)
    access.people.end(id_, NOW + 2, forget=True)
    assert [(each.name, each.ended_ms) for each in access.people.list_all()] == [("", NOW + 1), ("Ann Li", None)]


def test_when_a_party_ends_its_people_do(access: Access) -> None:
    parties = Parties(access.records, access.token)
    party = parties.add(PartyKind.MERCHANT, "Estrela", NOW).id
    person = access.people.add("bo", "Bo", [Role.MERCHANT], NOW, party=party)
    access.people.set_password(person.id, GOOD, NOW)
    token, other = access.log_in("bo"), access.add()
    parties.end(party, NOW)
    assert access.trail()[-3:] == ["person.password_changed", "person.ended", "party.ended"]
    assert access.sessions.find(token, NOW) is None
    with pytest.raises(NotAllowed):
        access.log_in("bo")
    assert access.people.get(other).id == other


def test_who_is_known_elsewhere_is_found_by_that(access: Access) -> None:
    person = access.people.add("bo", "Bo", [Role.OPERATOR], NOW, subject="https://id.example\n42")
    assert access.people.find_subject("https://id.example\n42") == person
    assert access.people.find_subject("https://id.example\n43") is None
    assert access.people.find_login("BO") == person
    token = access.people.let_in(person.id, "Firefox", NOW, "openid")
    assert access.sessions.find(token, NOW) is not None


def test_words_come_under_a_new_key_and_without_it_people_still_log_in(access: Access) -> None:
    id_ = access.add()
    access.seal = Seal({1: b"k" * 32, 2: b"n" * 32}, access.token)
    assert reseal(access.records, SEALED, access.seal) == 1
    assert access.people.get(id_).name == "Ann Li"
    assert drop_sealed(access.records, SEALED, 2) == 1
    token = access.log_in()
    session = access.sessions.find(token, NOW)
    assert session is not None
    assert session.person.in_role(Role.OPERATOR) == Key(id_, Role.OPERATOR, id_)
    access.people.change_password(id_, GOOD, BETTER, session.id, "a", NOW)
    assert access.log_in(password=BETTER)


def test_removing_a_person_would_remove_what_is_theirs(access: Access) -> None:
    id_ = access.add()
    access.log_in()
    access.people.invite(id_, NOW, HOUR_MS)
    with access.records.begin() as connection:
        connection.execute(people.delete())
        for table in (invitations, person_sessions):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
