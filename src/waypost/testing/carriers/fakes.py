"""All fakes, by carrier, each with the account that it gives its customers and codes that happen to a parcel."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from waypost.testing.carriers.correios import FakeCorreios
from waypost.testing.carriers.faking import Fake
from waypost.testing.carriers.sto import FakeSto
from waypost.testing.carriers.usps import FakeUsps
from waypost.testing.carriers.yto import FakeYto
from waypost.testing.carriers.yunda import FakeYunda
from waypost.testing.carriers.zto import FakeZto


class FakeCarrier(msgspec.Struct, frozen=True, kw_only=True):
    """How to imagine a carrier.

    Attributes:
        settings: of the account; see `Fake.account` for those that a fake makes up.
        codes: for a parcel that is picked up, under way, delivered.
    """

    kind: type[Fake]
    codes: tuple[str, str, str]


FAKES: Mapping[str, FakeCarrier] = MappingProxyType(
    {
        "sto": FakeCarrier(kind=FakeSto, codes=("收件", "发件", "签收")),
        "yto": FakeCarrier(kind=FakeYto, codes=("GOT", "DEPARTURE", "SIGNED")),
        "yunda": FakeCarrier(kind=FakeYunda, codes=("GOT", "DEPARTURE", "SIGNED")),
        "zto": FakeCarrier(kind=FakeZto, codes=("GOT", "DEPARTURE", "SIGNED")),
        "usps": FakeCarrier(kind=FakeUsps, codes=("03", "10", "01")),
        "correios": FakeCarrier(kind=FakeCorreios, codes=("PO01", "RO01", "BDE01")),
    }
)
