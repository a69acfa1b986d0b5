"""Pools of waybill numbers, for carriers that have no API to ask: never the same number twice, whatever crashes.

A pool is a range of serials of one carrier, or of one branch of it. That a number is given is on disk before anybody is
told; what a crash leaves is at most a number that nobody uses. The same reference gets the same number again.
"""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, ClassVar

import msgspec
from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, Row

from waypost.booking.issuing import Issued, Label, WaybillOrder
from waypost.booking.records import given_numbers, number_pools
from waypost.model.carriage import Waybill
from waypost.model.carriers import CARRIER_CODE
from waypost.model.errors import BadInput, Conflict, NotFound
from waypost.model.identifiers.check_digits import gs1_check_digit, s10_check_digit
from waypost.model.identifiers.gs1 import parse_sscc
from waypost.model.identifiers.s10 import parse_s10
from waypost.model.texts import has_control
from waypost.store.protocols import Records
from waypost.track.carriers import Unsupported


class PoolKind(StrEnum):
    """What the numbers of a pool are. The words are kept; they never change."""

    S10 = "s10"  #: UPU S10: two letters of the service, eight digits, a check digit, the country
    SSCC = "sscc"  #: GS1: extension digit and company prefix, serial, check digit; 18 digits
    PLAIN = "plain"  #: a prefix, a serial of fixed width, a suffix


class PoolEmpty(Conflict):
    """A pool has no number left."""

    code: ClassVar[str] = "pool_empty"


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A range of serials, and how far it is used up.

    Attributes:
        name: given once.
        branch: of the carrier, whose range it is; "" for all of them.
        prefix, suffix: around the serial: of S10 service and country, of SSCC extension digit and company prefix.
        width: digits of the serial.
        first, last: the serials of the range.
        next: the serial that is given next.
        alarm: so few left are told to the operator.
    """

    name: str
    carrier: str
    branch: str
    kind: PoolKind
    prefix: str
    suffix: str
    width: int
    first: int
    last: int
    next: int
    alarm: int

    @property
    def left(self) -> int:
        """How many numbers it still has."""
        return self.last - self.next + 1

    @property
    def is_low(self) -> bool:
        """Whether an operator has to see to it."""
        return self.left <= self.alarm

    def number(self, serial: int) -> str:
        """The whole number of a serial, with its check digit."""
        digits = f"{serial:0{self.width}d}"
        if self.kind is PoolKind.S10:
            return f"{self.prefix}{digits}{s10_check_digit(digits)}{self.suffix}"
        if self.kind is PoolKind.SSCC:
            return f"{self.prefix}{digits}{gs1_check_digit(self.prefix + digits)}"
        return f"{self.prefix}{digits}{self.suffix}"


class Pools:
    """The pools in `Records`."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def add(self, pool: Pool, now_ms: int) -> Pool:
        """Take a new range in.

        Raises:
            BadInput: its numbers would be none of that kind.
            Conflict: there is a pool of that name, or one that gives the same numbers.
        """
        _check(pool)
        with self._records.begin() as connection:
            for row in connection.execute(select(number_pools)):
                other = _pool(row)
                if other.name == pool.name:
                    raise Conflict(f"there is a pool {pool.name!r} already", mend="Names are given once.")
                if _makes_the_same(other, pool):
                    raise Conflict(f"the pool {other.name!r} gives some of the same numbers", mend="Ranges lie apart.")
            new = msgspec.structs.asdict(pool) | {"kind": pool.kind.value, "next": pool.first, "made_ms": now_ms}
            connection.execute(insert(number_pools).values(new))
        return msgspec.structs.replace(pool, next=pool.first)

    def list_all(self) -> Sequence[Pool]:
        """All, by carrier, branch and name."""
        columns = number_pools.c
        with self._records.read() as connection:
            rows = connection.execute(select(number_pools).order_by(columns.carrier, columns.branch, columns.name))
            return [_pool(row) for row in rows]

    def get(self, name: str) -> Pool:
        """One of them.

        Raises:
            NotFound: there is none of that name.
        """
        with self._records.read() as connection:
            row = connection.execute(select(number_pools).where(number_pools.c.name == name)).one_or_none()
        if row is None:
            raise NotFound(f"there is no pool {name[:64]!r}", mend="`waypost admin pool list` shows them.")
        return _pool(row)

    def give(self, name: str, reference: str, now_ms: int) -> str:
        """The number of a reference: a new one, or that which it got before. It is on disk when this returns.

        Raises:
            NotFound: there is no such pool.
            PoolEmpty: it has none left.
        """
        with self._records.begin() as connection:
            known = select(given_numbers.c.number).where(given_numbers.c.reference == reference)
            if (number := connection.execute(known).scalar_one_or_none()) is not None:
                return str(number)
            carrier, number = self._take(connection, name)
            given = {"reference": reference, "carrier": carrier, "number": number, "pool": name, "given_ms": now_ms}
            connection.execute(insert(given_numbers).values(given))
            return number

    def _take(self, connection: Connection, name: str) -> tuple[str, str]:
        """The next number of a pool that nobody has: ranges of other shapes may have given some of its numbers."""
        has_some = number_pools.c.next <= number_pools.c.last
        taking = update(number_pools).where(number_pools.c.name == name, has_some)
        while True:
            taken = connection.execute(taking.values(next=number_pools.c.next + 1)).rowcount
            row = connection.execute(select(number_pools).where(number_pools.c.name == name)).one_or_none()
            if row is None:
                raise NotFound(f"there is no pool {name[:64]!r}", mend="`waypost admin pool add` makes one.")
            pool = _pool(row)
            if not taken:
                mend = "Ask the carrier for another range; `waypost admin pool add` takes it in."
                raise PoolEmpty(f"the pool {name!r} has no number left", mend=mend)
            number = pool.number(pool.next - 1)
            same = (given_numbers.c.carrier == pool.carrier) & (given_numbers.c.number == number)
            if connection.execute(select(given_numbers.c.reference).where(same)).first() is None:
                return pool.carrier, number


class PoolIssuer:
    """Books at an account whose carrier is not asked: numbers come from a pool, paper from us."""

    def __init__(self, pools: Pools, name: str, carrier: str, clock: Callable[[], int]) -> None:
        self.carrier = carrier
        self._pools = pools
        self._name = name
        self._clock = clock

    def book(self, order: WaybillOrder) -> Issued:
        """See `WaybillIssuer`."""
        number = self._pools.give(self._name, order.reference, self._clock())
        return Issued(waybill=Waybill(self.carrier, number), reference=order.reference, channel=f"pool {self._name}")

    def cancel(self, issued: Issued, reason: str) -> None:
        """See `WaybillIssuer`. The number is used up: nobody else gets it."""

    def print_label(self, issued: Issued) -> Label:
        """See `WaybillIssuer`.

        Raises:
            Unsupported: always; whoever books prints it.
        """
        raise Unsupported(f"{self.carrier} makes no paper: its numbers come from a pool")


def serial_width(kind: PoolKind, prefix: str) -> int | None:
    """How many digits a serial has where the kind says so: S10 has 8, SSCC what the prefix leaves of 17."""
    return {PoolKind.S10: 8, PoolKind.SSCC: 17 - len(prefix)}.get(kind)


def _check(pool: Pool) -> None:
    if not 1 <= len(pool.name) <= 64 or has_control(pool.name):
        raise BadInput("a pool has a name of 1 to 64 characters", where="name")
    if not CARRIER_CODE.fullmatch(pool.carrier):
        raise BadInput(f"{pool.carrier[:40]!r} is no carrier code", where="carrier")
    if pool.kind is PoolKind.SSCC and not re.fullmatch("[0-9]{5,13}", pool.prefix):
        raise BadInput("is an extension digit and a GS1 company prefix, digits alone", where="prefix")
    width = serial_width(pool.kind, pool.prefix)
    if pool.width != (width or pool.width) or not 1 <= pool.width <= 18:
        raise BadInput(f"of {pool.kind.value} the serial has {width or '1 to 18'} digits", where="width")
    if not 0 <= pool.first <= pool.last < 10**pool.width:
        raise BadInput(f"is no range of serials of {pool.width} digits", where="first")
    if not 0 <= pool.alarm <= pool.last - pool.first + 1:
        raise BadInput("is more than the range has", where="alarm")
    try:
        if pool.kind is PoolKind.S10:
            parse_s10(pool.number(pool.first))
        elif pool.kind is PoolKind.SSCC:
            parse_sscc(pool.number(pool.first))
        elif not re.fullmatch("[!-~]{1,40}", pool.number(pool.first)):
            raise BadInput("has characters that no waybill number has, or more than 40")
    except BadInput as error:
        raise BadInput(error.message, where="prefix", mend=error.mend) from None


def _makes_the_same(one: Pool, other: Pool) -> bool:
    shape = ("carrier", "kind", "prefix", "suffix", "width")
    is_alike = all(getattr(one, name) == getattr(other, name) for name in shape)
    return is_alike and one.first <= other.last and other.first <= one.last


def _pool(row: Row[Any]) -> Pool:
    return Pool(
        name=row.name,
        carrier=row.carrier,
        branch=row.branch,
        kind=PoolKind(row.kind),
        prefix=row.prefix,
        suffix=row.suffix,
        width=row.width,
        first=row.first,
        last=row.last,
        next=row.next,
        alarm=row.alarm,
    )
