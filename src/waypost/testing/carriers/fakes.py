"""All fakes, by carrier, each with the account that it gives its customers and codes that happen to a parcel."""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from waypost.testing.carriers.best import FakeBest
from waypost.testing.carriers.cainiao import FakeCainiao
from waypost.testing.carriers.correios import FakeCorreios
from waypost.testing.carriers.faking import Fake
from waypost.testing.carriers.jt import FakeJt
from waypost.testing.carriers.neutral import FakeNeutral
from waypost.testing.carriers.sf import FakeSf
from waypost.testing.carriers.sto import FakeSto
from waypost.testing.carriers.usps import FakeUsps
from waypost.testing.carriers.yto import FakeYto
from waypost.testing.carriers.yunda import FakeYunda
from waypost.testing.carriers.zto import FakeZto


class FakeCarrier(msgspec.Struct, frozen=True, kw_only=True):
    """How to imagine a carrier.

    Attributes:
        codes: for a parcel that is picked up, under way, delivered; as pushes have them, see `Fake.asked_code`.
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
        "sf": FakeCarrier(kind=FakeSf, codes=("50", "30", "80")),
        "best": FakeCarrier(kind=FakeBest, codes=("order_success", "out_for_delivery", "delivered")),
        "cainiao": FakeCarrier(kind=FakeCainiao, codes=("00", "13", "07")),
        "jtexpress": FakeCarrier(kind=FakeJt, codes=("快件揽收", "发件扫描", "快件签收")),
        "neutral": FakeCarrier(kind=FakeNeutral, codes=("picked_up", "departed_from_hub", "delivered")),
    }
)
