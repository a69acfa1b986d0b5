"""People: who logs in with a password, what they come for, and how they first get one."""

import unicodedata
from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, and_, delete, func, insert, select, update
from sqlalchemy.engine import Connection, Row
from sqlalchemy.exc import IntegrityError

from waypost.access.guesses import Guesses, Rate
from waypost.access.keys import PERSON, Role, join_carriers, see_merchant
from waypost.access.passwords import LONGEST, SHORTEST, Passwords, find_weakness
from waypost.access.records import invitations, parties, people
from waypost.access.sealing import Seal
from waypost.access.sessions import OF_PEOPLE, Person, Sessions, Words, digest_of, end_sessions, read_person
from waypost.access.trail import COMMAND, Trail
from waypost.model.errors import BadInput, Conflict, NotAllowed, NotFound
from waypost.model.texts import has_control
from waypost.store.protocols import Records

MOST_LOGIN, MOST_NAME = 120, 80
#: At one login: some mistakes in a row, and then too few for a guesser.
OF_LOGINS = Rate(per_min=1, burst=10)
_WRONG = "this login and password are not known together"


class WeakPassword(BadInput):
    """A password that is not taken; `reason` says why in one word."""

    code = "weak_password"
    status = 422

    def __init__(self, reason: str) -> None:
        said = {
            "short": f"has fewer than {SHORTEST} characters",
            "long": f"has more than {LONGEST} characters",
            "plain": "is the same few characters over and over",
            "login": "is hardly more than the login",
        }
        super().__init__(f"the password {said[reason]}", mend="Take some words that do not belong together.")
        self.reason = reason


def check_password(password: str, login: str) -> None:
    """See that a password may be taken for a login.

    Raises:
        WeakPassword: it may not.
    """
    if reason := find_weakness(password, login):
        raise WeakPassword(reason)


class People:
    """The people in `Records`.

    Args:
        seal: what names and logins are sealed by.
        token: gives some bytes that nobody can guess.
        of_addresses: how often one address may be wrong.
    """

    def __init__(
        self,
        records: Records,
        seal: Callable[[], Seal],
        token: Callable[[int], bytes],
        passwords: Passwords,
        sessions: Sessions,
        of_addresses: Rate,
    ) -> None:
        self._records = records
        self._seal = seal
        self._token = token
        self._passwords = passwords
        self._sessions = sessions
        self._of_addresses = of_addresses
        self._guesses = Guesses(records)

    def add(
        self,
        login: str,
        name: str,
        roles: Sequence[Role],
        now_ms: int,
        carriers: Sequence[str] = (),
        *,
        party: str | None = None,
        subject: str | None = None,
        again: bool = False,
        by: str = COMMAND,
    ) -> Person:
        """Somebody new, who has no password yet.

        Args:
            login: by which they log in; capitals do not matter.
            name: as people call them.
            roles: one or more.
            now_ms: the present.
            carriers: codes of those that somebody may speak for as a carrier; none for all.
            party: the merchant that they belong to, if they have that role.
            subject: whom another provider says that it is.
            again: even if somebody whom that provider calls so was ended.
            by: who adds them, as in the audit trail.

        Raises:
            BadInput: login or name cannot be shown, no role, or carriers or a party that do not go with the roles.
            Conflict: somebody has that login, or that subject.
            NotFound: there is no such merchant.
        """
        login, name = _clean(login, "a login", MOST_LOGIN), _clean(name, "a name", MOST_NAME)
        if " " in login:
            raise BadInput("a login has no blanks", mend="Take an e-mail address, or a name in one word.")
        kinds, bound = tuple(dict.fromkeys(roles)), _bound(roles, carriers, party)
        id_ = PERSON + self._token(8).hex()
        row = {
            "id": id_,
            "login_digest": _of_login(login),
            "subject_digest": None if subject is None else digest_of(subject),
            "words": self._seal().seal(msgspec.json.encode(Words(login, name)), id_),
            "made_ms": now_ms,
        }
        try:
            with self._records.begin() as connection:
                if party is not None:
                    see_merchant(connection, party)
                if again and subject is not None:
                    is_ended = and_(people.c.subject_digest == row["subject_digest"], people.c.ended_ms.is_not(None))
                    connection.execute(update(people).where(is_ended).values(subject_digest=None))
                connection.execute(insert(people).values(row | bound))
                Trail.write(connection, by, "person.added", id_, now_ms, roles=",".join(kinds))
        except IntegrityError:
            raise Conflict("somebody has that login", mend="End that person first, or choose another.") from None
        return Person(id_, login, name, kinds, tuple(dict.fromkeys(carriers)), party, made_ms=now_ms)

    def change_roles(
        self,
        id_: str,
        roles: Sequence[Role],
        now_ms: int,
        carriers: Sequence[str] = (),
        *,
        party: str | None = None,
        by: str = COMMAND,
    ) -> None:
        """Let somebody come for something else, with immediate effect; the arguments are those of `add`.

        Raises:
            BadInput, NotFound: as `add`, and there is no such person, or none any more.
        """
        row = _bound(roles, carriers, party)
        with self._records.begin() as connection:
            _get(connection, id_)
            if party is not None:
                see_merchant(connection, party)
            connection.execute(update(people).where(people.c.id == id_).values(row))
            Trail.write(connection, by, "person.roles_changed", id_, now_ms, roles=row["roles"] or "")

    def any(self) -> bool:
        """Whether somebody may log in."""
        with self._records.read() as connection:
            asked = select(func.count()).select_from(people).where(people.c.ended_ms.is_(None))
            return bool(connection.execute(asked).scalar_one())

    def get(self, id_: str) -> Person:
        """One that is let in.

        Raises:
            NotFound: there is none, or none any more.
        """
        with self._records.read() as connection:
            return self._person(_get(connection, id_))

    def find_login(self, login: str) -> Person | None:
        """The one with that login, if they are let in."""
        return self._find(people.c.login_digest == _of_login(login))

    def find_subject(self, subject: str) -> Person | None:
        """The one that another provider calls so, if they are let in."""
        return self._find(people.c.subject_digest == digest_of(subject))

    def is_kept_out(self, subject: str) -> bool:
        """Whether the one that another provider calls so was ended, and nobody has added them again."""
        ended = (people.c.subject_digest == digest_of(subject), people.c.ended_ms.is_not(None))
        with self._records.read() as connection:
            return connection.execute(select(people.c.id).where(*ended)).first() is not None

    def list_names(self, ids: Collection[str]) -> dict[str, str]:
        """The names of some, also of those who are let in no more, by their ids."""
        with self._records.read() as connection:
            rows = connection.execute(_people().where(people.c.id.in_(ids))).all()
        return {row.id: self._person(row).name for row in rows}

    def list_all(self) -> list[Person]:
        """All, also those who are let in no more, in the order in which they came."""
        with self._records.read() as connection:
            rows = connection.execute(_people().order_by(people.c.made_ms, people.c.id)).all()
        return [self._person(row) for row in rows]

    def end(self, id_: str, now_ms: int, *, forget: bool = False, by: str = COMMAND) -> int:
        """Let somebody in no more; how many sessions ended. With `forget`, login and name are removed.

        What another provider calls them stays as a digest, so that it does not let them in again by itself.

        Raises:
            NotFound: there is none, or, unless it is to forget them, none any more.
        """
        with self._records.begin() as connection:
            row = connection.execute(_people().where(people.c.id == id_)).one_or_none()
            if row is None or (row.ended_ms is not None and not forget):
                raise _no_such(id_)
            ended = end_people(connection, people.c.id == id_, now_ms, by, keep_out=True)
            if forget:
                connection.execute(update(people).where(people.c.id == id_).values(words=None))
                Trail.write(connection, by, "person.forgotten", id_, now_ms)
        return ended

    def invite(self, id_: str, now_ms: int, lasting_ms: int, *, by: str = COMMAND) -> str:
        """A token by which somebody gives a password once, without knowing an old one; an earlier one ends.

        Raises:
            NotFound: there is no such person, or none any more.
        """
        token = self._token(24).hex()
        with self._records.begin() as connection:
            _get(connection, id_)
            connection.execute(delete(invitations).where(invitations.c.person_id == id_))
            row = {"person_id": id_, "digest": digest_of(token), "ends_ms": now_ms + lasting_ms}
            connection.execute(insert(invitations).values(row))
            Trail.write(connection, by, "person.invited", id_, now_ms)
        return token

    def find_invited(self, token: str, now_ms: int) -> Person | None:
        """Whom an invitation is for, while it lasts."""
        with self._records.read() as connection:
            row = connection.execute(_invited(token, now_ms)).one_or_none()
        return None if row is None else self._person(row)

    def accept(self, token: str, password: str, browser: str, now_ms: int) -> str:
        """Use an invitation up: take the password, end the sessions there are, and open one; its token.

        Raises:
            NotFound: there is no such invitation, or none any more.
            WeakPassword: the password is not taken; the invitation can still be used.
        """
        person = self.find_invited(token, now_ms)
        if person is None:
            raise _no_invitation()
        check_password(password, person.login)
        kept = self._passwords.keep(password)
        with self._records.begin() as connection:
            using = delete(invitations).where(invitations.c.digest == digest_of(token), invitations.c.ends_ms > now_ms)
            if not connection.execute(using).rowcount:  # it was used meanwhile
                raise _no_invitation()
            self._give(connection, _get(connection, person.id), kept)
            opened = self._sessions.open(connection, person.id, browser, now_ms)
            Trail.write(connection, f"person:{person.id}", "person.password_changed", person.id, now_ms, how="invited")
        return opened

    def set_password(self, id_: str, password: str, now_ms: int, *, by: str = COMMAND) -> None:
        """Give somebody a password. Their sessions end.

        Raises:
            NotFound: there is no such person, or none any more.
            WeakPassword: it is not taken.
        """
        person = self.get(id_)
        check_password(password, person.login)
        kept = self._passwords.keep(password)
        with self._records.begin() as connection:
            self._give(connection, _get(connection, id_), kept)
            Trail.write(connection, by, "person.password_changed", id_, now_ms, how="given")

    def change_password(self, id_: str, old: str, new: str, session_id: str, address: str, now_ms: int) -> None:
        """Change one's own. All sessions but this one end.

        Raises:
            NotAllowed: the old one is not right. It counts as a wrong guess.
            WeakPassword: the new one is not taken.
            TooMany: too many were wrong.
        """
        with self._records.read() as connection:
            digest = _get(connection, id_).login_digest
        check_password(new, self.get(id_).login)
        row = self._prove(digest, old, address, now_ms)
        if row is None:
            raise NotAllowed("this is not the password so far")
        kept = self._passwords.keep(new)
        with self._records.begin() as connection:
            changing = update(people).where(people.c.id == id_, people.c.password == row.password)
            if not connection.execute(changing.values(password=kept)).rowcount:
                raise Conflict("the password was changed meanwhile")
            end_sessions(connection, id_, but=session_id)
            connection.execute(delete(invitations).where(invitations.c.person_id == id_))
            self._forgive(connection, digest, address)
            Trail.write(connection, f"person:{id_}", "person.password_changed", id_, now_ms, how="changed")

    def log_in(self, login: str, password: str, address: str, browser: str, now_ms: int) -> str:
        """The token of a new session.

        Args:
            login: as it was typed.
            password: the same.
            address: from where; wrong guesses are counted by it.
            browser: roughly what the session is opened in, for the list of sessions.
            now_ms: the present.

        Raises:
            NotAllowed: nobody has that login and that password; which of the two is wrong nobody learns.
            TooMany: too many were wrong, for this login or from this address.
        """
        digest = _of_login(login)
        row = self._prove(digest, password, address, now_ms)
        if row is None:
            raise NotAllowed(_WRONG)
        again = self._passwords.keep(password) if self._passwords.is_dated(row.password) else row.password
        with self._records.begin() as connection:
            # it may have been changed, or the person ended, while it was compared
            now = connection.execute(_people().where(people.c.id == row.id, _is_let_in())).one_or_none()
            if now is None or now.password != row.password:
                raise NotAllowed(_WRONG)
            if again != row.password:
                connection.execute(update(people).where(people.c.id == row.id).values(password=again))
            self._forgive(connection, digest, address)
            token = self._sessions.open(connection, row.id, browser, now_ms)
            Trail.write(connection, f"person:{row.id}", "person.logged_in", row.id, now_ms, how="password")
        return token

    def let_in(self, id_: str, browser: str, now_ms: int, how: str) -> str:
        """The token of a new session for somebody of whom another provider says who they are.

        Raises:
            NotFound: they are let in no more.
        """
        with self._records.begin() as connection:
            _get(connection, id_)
            token = self._sessions.open(connection, id_, browser, now_ms)
            Trail.write(connection, f"person:{id_}", "person.logged_in", id_, now_ms, how=how)
        return token

    def _prove(self, login_digest: str, password: str, address: str, now_ms: int) -> Row[Any] | None:
        """The person with that login, if the password is theirs. Each try is counted, until it is forgiven."""
        self._guesses.take({f"login {login_digest}": OF_LOGINS, f"address {address}": self._of_addresses}, now_ms)
        with self._records.read() as connection:
            asked = _people().where(people.c.login_digest == login_digest, _is_let_in())
            row = connection.execute(asked).one_or_none()
        if self._passwords.knows(password, None if row is None else row.password):
            return row
        with self._records.begin() as connection:
            whose = "unknown" if row is None else row.id
            Trail.write(connection, "unknown", "person.login_failed", whose, now_ms)
        return None

    def _forgive(self, connection: Connection, login_digest: str, address: str) -> None:
        Guesses.forgive(connection, f"login {login_digest}", f"address {address}", self._of_addresses)

    def _give(self, connection: Connection, person: Row[Any], kept: str) -> None:
        connection.execute(update(people).where(people.c.id == person.id).values(password=kept))
        connection.execute(delete(invitations).where(invitations.c.person_id == person.id))
        end_sessions(connection, person.id)
        Guesses.forget(connection, f"login {person.login_digest}")

    def _find(self, which: ColumnElement[bool]) -> Person | None:
        with self._records.read() as connection:
            row = connection.execute(_people().where(which, _is_let_in())).one_or_none()
        return None if row is None else self._person(row)

    def _person(self, row: Row[Any]) -> Person:
        return read_person(row, row.id, self._seal)


def end_people(
    connection: Connection, which: ColumnElement[bool], now_ms: int, by: str, *, keep_out: bool = False
) -> int:
    """Let some people in no more, in a transaction; how many sessions ended. Their logins are free again.

    Args:
        keep_out: another provider does not let them in again by itself, not even for something else.
    """
    found = connection.execute(select(people.c.id).where(which, people.c.ended_ms.is_(None))).scalars().all()
    ended = 0
    for id_ in found:
        gone: dict[str, Any] = {"ended_ms": now_ms, "login_digest": None, "password": None}
        gone |= {} if keep_out else {"subject_digest": None}
        connection.execute(update(people).where(people.c.id == id_).values(gone))
        connection.execute(delete(invitations).where(invitations.c.person_id == id_))
        ended += end_sessions(connection, id_)
        Trail.write(connection, by, "person.ended", id_, now_ms)
    return ended


def _bound(roles: Sequence[Role], carriers: Sequence[str], party: str | None) -> dict[str, str | None]:
    """What somebody may do, as it is kept."""
    if not roles:
        raise BadInput("somebody who logs in has a role", mend=f"Roles: {', '.join(Role)}.")
    if carriers and Role.CARRIER not in roles:
        raise BadInput("only who has the role carrier speaks for carriers", mend="Leave the carriers out.")
    if (party is not None) is not (Role.MERCHANT in roles):
        raise BadInput("merchants' people belong to a party, and no others", mend="Name the merchant they are of.")
    kept = join_carriers(carriers) or None
    return {"roles": ",".join(dict.fromkeys(roles)), "carriers": kept, "party_id": party}


def _people() -> Select[Any]:
    return select(people.c.id, *OF_PEOPLE).join(parties, parties.c.id == people.c.party_id, isouter=True)


def _is_let_in() -> ColumnElement[bool]:
    return people.c.ended_ms.is_(None) & parties.c.ended_ms.is_(None)


def _invited(token: str, now_ms: int) -> Select[Any]:
    joined = _people().join(invitations, invitations.c.person_id == people.c.id)
    return joined.where(invitations.c.digest == digest_of(token), invitations.c.ends_ms > now_ms, _is_let_in())


def _get(connection: Connection, id_: str) -> Row[Any]:
    row = connection.execute(_people().where(people.c.id == id_, _is_let_in())).one_or_none()
    if row is None:
        raise _no_such(id_)
    return row


def _no_such(id_: str) -> NotFound:
    return NotFound(f"nobody has the id {id_[:40]!r}", mend="`waypost admin person list` shows them.")


def _no_invitation() -> NotFound:
    mend = "It is good for once and for some days: ask for another one."
    return NotFound("this invitation was used, or has ended", mend=mend)


def _clean(text: str, what: str, most: int) -> str:
    text = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(text) <= most or has_control(text):
        raise BadInput(f"{what} has 1 to {most} characters, without control characters")
    return text


def _of_login(login: str) -> str:
    """The same for all that people take for the same login."""
    return digest_of(f"login {unicodedata.normalize('NFKC', login).strip().casefold()}")
