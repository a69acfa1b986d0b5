"""Seeded random consignments, in Chinese and in Latin letters."""

import random
import string

from waypost.booking.issuing import Address
from waypost.booking.printing import ParcelLabel
from waypost.model.carriage import Waybill
from waypost.model.identifiers.check_digits import gs1_check_digit

_HAN = "杭州桐庐横村凤联街道中山路西湖花园建国现代城朝阳区望京南岸滨江长河萧山临平余海宁嘉兴浦东静安黄岩"
_SURNAMES = ("王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "欧阳", "司马")
_LATIN = (
    ("João da Conceição Álvares", "BR", "SP", "São Paulo", "Rua da Consolação, {}, apto 56", "01301-000"),
    ("María José Ñíguez Muñoz", "ES", "Madrid", "Madrid", "Calle de Alcalá {}, 3.º izquierda", "28014"),
    (
        "Bartholomew Featherstonehaugh-Cholmondeley",
        "US",
        "MN",
        "Saint Paul",
        "{} North Example Avenue, Apt 4B",
        "55101",
    ),
    ("Łukasz Żółć", "PL", "", "Łódź", "ul. Piotrkowska {}", "90-001"),
    ("J. Ng", "SG", "", "Singapore", "{} Orchard Road #12-34", "238801"),
)


def draw_party(rng: random.Random) -> Address:
    if rng.random() < 0.6:

        def words(least: int, most: int) -> str:
            return "".join(rng.choices(_HAN, k=rng.randint(least, most)))

        return Address(
            name=rng.choice(_SURNAMES) + words(1, 2),
            country="CN",
            province=words(2, 2) + "省",
            city=words(2, 3) + "市",
            county=words(2, 4) + "区",
            street=f"{words(2, 8)}路{rng.randint(1, 9999)}号{words(0, 20)}{rng.randint(1, 40)}幢"
            f"{rng.randint(101, 3000)}室",
            phone=f"1{rng.choice('3578')}{rng.randint(0, 10**9 - 1):09}",
            postcode=rng.choice(("", f"{rng.randint(0, 999999):06}")),
            company=rng.choice(("", words(2, 6) + "有限公司")),
        )
    name, country, province, city, street, postcode = rng.choice(_LATIN)
    return Address(
        name=name,
        country=country,
        province=province,
        city=city,
        street=street.format(rng.randint(1, 99999)),
        phone=f"+{rng.randint(1, 99)} {rng.randint(10, 999)} {rng.randint(100, 999)}-{rng.randint(1000, 9999)}",
        postcode=postcode,
        company=rng.choice(("", "Sample Goods of the Upper Midwest, Limited Liability Company")),
    )


def draw_label(seed: int) -> ParcelLabel:
    """One random consignment; the same for the same seed."""
    rng = random.Random(seed)
    letters = "".join(rng.choices(string.ascii_uppercase, k=rng.choice((0, 2, 2, 3))))
    number = letters + "".join(rng.choices(string.digits, k=rng.randint(9, 18)))
    body = f"3{rng.randint(0, 10**16 - 1):016}"
    pieces = rng.choice((1, 1, 1, 2, 12))
    return ParcelLabel(
        waybill=Waybill("carrier", number + rng.choice(("", "", "CN"))),
        sender=draw_party(rng),
        consignee=draw_party(rng),
        carrier_name=rng.choice(("圆通速递", "Correios", "A carrier with a very long name of its own, Limited")),
        service=rng.choice(("", "标准快递", "SEDEX 10", "Ground Advantage")),
        sort_code=rng.choice(
            ("", "310-A12 003", "300- H12 09", "020W-F0-CK", f"{rng.randint(100, 999)}-{rng.randint(0, 99):02}")
        ),
        bag_place=rng.choice(("", "杭州转运中心", "São Paulo hub")),
        reference=f"ref-{seed}",
        order_number=f"SO-2026-{seed:06}",
        weight_g=rng.randint(0, 30_000),
        piece=rng.randint(1, pieces),
        pieces=pieces,
        cod_minor=rng.choice((0, 0, 1, 12800, 99_999_999)),
        currency=rng.choice(("CNY", "BRL", "JPY")),
        items=rng.choice(("", "T恤 x2，保温杯 x1", "2 camisetas, 1 garrafa térmica", "long list of things " * 20)),
        remark=rng.choice(("", "请勿投柜，送货前电话联系", "Deixar na portaria ^~_\\ > \"'")),
        is_return=rng.random() < 0.2,
        printed_at="2026-11-23 10:15 +08:00",
        sscc=rng.choice(("", "", body + str(gs1_check_digit(body)))),
        routing=rng.choice(
            ("", "MMM={'k1':'571','k2':'571AB','k3':'003'}", "https://track.example/t/" + number, "路由^~_>310")
        ),
        square=rng.choice(("datamatrix", "qr")),
    )


def expected(label: ParcelLabel, size: str) -> list[str]:
    """What a scanner should read, sorted."""
    codes = [label.waybill.number] * (2 if size == "100x180" else 1)
    if label.sscc:
        codes.append(f"(00){label.sscc}")
    if label.routing:
        codes.append(label.routing)
    return sorted(codes)
