"""Who is written to: the merchants that have their consignees told by mail, and the addresses that want or take none.

Addresses are known by a keyed digest alone. The link by which somebody ends the mail of a merchant holds that digest,
and a seal over both: nobody can guess it, and it works for as long as the key lasts, without anything being kept.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from waypost.access.records import parties
from waypost.access.sealing import Seal
from waypost.care.records import mail_keys, mail_refusals, mail_switches
from waypost.model.errors import BadInput, NotFound
from waypost.store.protocols import Records

#: What consignees can be told of, in the order of a parcel's life.
MILESTONES = ("accepted", "out_for_delivery", "exception", "ready_to_collect", "delivered")
_ROW = "addresses"
_KEY_BYTES, _DIGEST_BYTES = 32, 16
#: In the place of a merchant: of an address that takes no mail, whosever it is.
_ANYBODY = ""
_LONGEST_TOKEN = 120


class MailSwitch(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the consignees of a merchant are told by mail.

    Attributes:
        milestones: those that they are told of; none: mail is off.
        changed_ms: None if nobody ever switched.
        missed_ms: when it came out that some changes had gone, of which nobody was told.
    """

    party: str
    milestones: tuple[str, ...] = ()
    changed_ms: int | None = None
    missed_ms: int | None = None


class MailTerms:
    """The switches and refusals in `Records`.

    Args:
        seal: for the key.
        token: gives some bytes that nobody can guess.
    """

    def __init__(self, records: Records, seal: Callable[[], Seal], token: Callable[[int], bytes]) -> None:
        self._records = records
        self._seal = seal
        self._token = token
        self._key: bytes | None = None

    def get(self, party: str) -> MailSwitch:
        """The switch of a merchant."""
        asked = select(mail_switches).where(mail_switches.c.party == party)
        with self._records.read() as connection:
            row = connection.execute(asked).one_or_none()
        if row is None:
            return MailSwitch(party=party)
        return MailSwitch(
            party=party,
            milestones=_split(row.milestones),
            changed_ms=row.changed_ms,
            missed_ms=row.missed_ms,
        )

    def switch(self, party: str, milestones: Sequence[str], now_ms: int) -> MailSwitch:
        """Have the consignees of a merchant told of some milestones from now on, or of none.

        Raises:
            BadInput: one is none that is told.
        """
        for each in milestones:
            if each not in MILESTONES:
                raise BadInput(
                    f"{each[:40]!r} is nothing that consignees are told of",
                    where="milestones",
                    mend=f"There are: {', '.join(MILESTONES)}.",
                )
        values = {"milestones": ",".join(each for each in MILESTONES if each in milestones), "changed_ms": now_ms}
        changing = update(mail_switches).where(mail_switches.c.party == party)
        with self._records.begin() as connection:
            if not connection.execute(changing.values(values)).rowcount:
                connection.execute(insert(mail_switches).values({"party": party} | values))
        return self.get(party)

    def digest(self, address: str) -> str:
        """By which an address is known, without being kept."""
        return self._mac("address", address.lower()).hex()

    def is_refused(self, party: str, address: str) -> bool:
        """Whether an address takes no mail, or wants none of this merchant."""
        is_meant = mail_refusals.c.party.in_([party, _ANYBODY])
        asked = select(mail_refusals.c.digest).where(is_meant, mail_refusals.c.digest == self.digest(address))
        with self._records.read() as connection:
            return connection.execute(asked).first() is not None

    def note_nobody(self, address: str, now_ms: int) -> None:
        """Remember that an address takes no mail."""
        self._refuse(_ANYBODY, self.digest(address), now_ms)

    def forgive(self, address: str) -> None:
        """Write to an address again that took no mail. What somebody wants no more stays so."""
        is_meant = (mail_refusals.c.party == _ANYBODY) & (mail_refusals.c.digest == self.digest(address))
        with self._records.begin() as connection:
            connection.execute(delete(mail_refusals).where(is_meant))

    def write_stop(self, party: str, address: str) -> str:
        """The token by which an address ends the mail of a merchant."""
        digest = self.digest(address)
        return f"{party}.{_text(bytes.fromhex(digest))}.{_text(self._mac('stop', party, digest))}"

    def read_stop(self, token: str) -> tuple[str, str, str]:
        """Of such a token: the merchant, its name, and the digest of the address.

        Raises:
            NotFound: it is none of ours.
        """
        party, _, rest = token[:_LONGEST_TOKEN].partition(".")
        first, _, second = rest.partition(".")
        try:
            digest, mac = (base64.b64decode(each + "==", b"-_", validate=True) for each in (first, second))
        except (binascii.Error, ValueError):
            digest = mac = b""
        if not hmac.compare_digest(mac, self._mac("stop", party, digest.hex())):
            raise NotFound("this link ends no mail", mend="Take it from a mail, whole.")
        with self._records.read() as connection:
            name: str = connection.execute(select(parties.c.name).where(parties.c.id == party)).scalar_one()
        return party, name, digest.hex()

    def stop(self, token: str, now_ms: int) -> None:
        """End the mail of a merchant to an address, for good.

        Raises:
            NotFound: the token is none of ours.
        """
        party, _, digest = self.read_stop(token)
        self._refuse(party, digest, now_ms)

    def _refuse(self, party: str, digest: str, now_ms: int) -> None:
        is_known = (mail_refusals.c.party == party) & (mail_refusals.c.digest == digest)
        try:
            with self._records.begin() as connection:
                if connection.execute(select(mail_refusals.c.digest).where(is_known)).first() is None:
                    row = {"party": party, "digest": digest, "made_ms": now_ms}
                    connection.execute(insert(mail_refusals).values(row))
        except IntegrityError:  # somebody was faster
            pass

    def _mac(self, *parts: str) -> bytes:
        key = self._key or self._open_key()
        return hmac.digest(key, "\x1f".join(parts).encode(), hashlib.sha256)[:_DIGEST_BYTES]

    def _open_key(self) -> bytes:
        asked = select(mail_keys.c.secret).where(mail_keys.c.id == _ROW)
        with self._records.read() as connection:
            sealed = connection.execute(asked).scalar_one_or_none()
        if sealed is None:
            row = {"id": _ROW, "secret": self._seal().seal(self._token(_KEY_BYTES), _ROW)}
            try:
                with self._records.begin() as connection:
                    connection.execute(insert(mail_keys).values(row))
            except IntegrityError:  # somebody was faster
                pass
            with self._records.read() as connection:
                sealed = connection.execute(asked).scalar_one()
        self._key = self._seal().open(sealed, _ROW)
        return self._key


def list_switched(connection: Connection, merchants: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Of some merchants that take part those that have mail on, and for which milestones."""
    asked = select(mail_switches).join(parties, parties.c.id == mail_switches.c.party)
    asked = asked.where(parties.c.ended_ms.is_(None), mail_switches.c.party.in_(list(merchants)))
    rows = connection.execute(asked.where(mail_switches.c.milestones != ""))
    return {row.party: _split(row.milestones) for row in rows}


def is_any_on(connection: Connection) -> bool:
    """Whether any merchant has mail on."""
    asked = select(mail_switches.c.party).where(mail_switches.c.milestones != "").limit(1)
    return connection.execute(asked).first() is not None


def note_missed(connection: Connection, now_ms: int) -> None:
    """Write down at every merchant that has mail on that some changes had gone."""
    connection.execute(update(mail_switches).where(mail_switches.c.milestones != "").values(missed_ms=now_ms))


def _split(milestones: str) -> tuple[str, ...]:
    return tuple(milestones.split(",")) if milestones else ()


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
