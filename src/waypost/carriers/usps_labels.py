"""Labels of the United States Postal Service: how one is asked for, and how the answer is read."""

import base64
import binascii
import re
from collections.abc import Iterator
from email.message import Message
from fractions import Fraction
from typing import Any, ClassVar

from waypost.booking.issuing import Address, WaybillOrder
from waypost.carriers.accounts import Account
from waypost.carriers.answers import read, read_text
from waypost.carriers.calling import Answer
from waypost.model.errors import BadInput
from waypost.model.guarded import Guarded
from waypost.track.carriers import CarrierPuzzling, Unsupported

_USUAL_SERVICE = "USPS_GROUND_ADVANTAGE"
_GRAMS_IN_POUND = Fraction("453.59237")
_MM_IN_INCH = Fraction("25.4")
_ZIP = re.compile(r"(\d{5})(?:-?(\d{4}))?")


class LabelData(Guarded, frozen=True):
    """What USPS says of a label."""

    SHOWN: ClassVar[tuple[str, ...]] = ("trackingNumber",)

    trackingNumber: str
    routingInformation: str | None = None
    labelImage: str | None = None


def draft_label(account: Account, order: WaybillOrder) -> dict[str, Any]:
    """What USPS is asked for, in its own words and units.

    Raises:
        BadInput: sizes, the day of mailing or a ZIP code are missing.
        Unsupported: it is to be paid at the door, or one of the two is not in the country.
    """
    if order.cod_minor:
        raise Unsupported("USPS labels with cash on delivery are not known well enough")
    if not order.mailing_date:
        raise BadInput("is missing, and USPS prints it", where="mailing_date")
    for name in ("length_mm", "width_mm", "height_mm"):
        if getattr(order, name) <= 0:
            raise BadInput("is missing, and USPS asks for it", where=name)
    return {
        "imageInfo": {"imageType": "PDF", "labelType": "4X6LABEL"},
        "toAddress": _write_address("consignee", order.consignee),
        "fromAddress": _write_address("sender", order.sender),
        "packageDescription": {
            "mailClass": order.service or _USUAL_SERVICE,
            "rateIndicator": account.get("rate_indicator", "SP"),
            "weightUOM": "lb",
            "weight": pounds(order.weight_g),
            "dimensionsUOM": "in",
            "length": inches(order.length_mm),
            "width": inches(order.width_mm),
            "height": inches(order.height_mm),
            "processingCategory": account.get("processing_category", "MACHINABLE"),
            "mailingDate": order.mailing_date,
            "destinationEntryFacilityType": "NONE",
            "customerReference": [{"referenceNumber": order.reference, "printReferenceNumber": False}],
        },
    }


def pounds(weight_g: int) -> float:
    """Grams as pounds, to a ten-thousandth: far finer than a gram."""
    return float(round(Fraction(weight_g) / _GRAMS_IN_POUND, 4))


def inches(length_mm: int) -> float:
    """Millimetres as inches, to a thousandth."""
    return float(round(Fraction(length_mm) / _MM_IN_INCH, 3))


def read_label(answer: Answer, channel: str) -> tuple[LabelData, bytes]:
    """What a label's answer says and shows, as JSON or in parts.

    The parts are not quite those of a mail: some have lines among their headers that are none, and all images are
    base64, whatever their headers say.
    """
    if not answer.body.lstrip().startswith(b"--"):
        whole = read(answer, LabelData, channel)
        return whole, _read_image(whole.labelImage or "", channel)
    data: LabelData | None = None
    image = ""
    for name, is_json, content in _parts(answer):
        if is_json and data is None and name in ("", "labelMetadata"):
            data = read_text(content, LabelData, channel)
        elif not is_json and not image and name in ("", "labelImage"):
            image = content.decode("ascii", "replace")
    if data is None:
        raise CarrierPuzzling("no part of the answer says what the label is", channel=channel)
    return data, _read_image(image, channel)


def _parts(answer: Answer) -> Iterator[tuple[str, bool, bytes]]:
    """Name, whether it is JSON, and content of each part."""
    mark = answer.body.lstrip().split(b"\n", 1)[0].strip()
    for part in re.split(rb"(?:^|\r?\n)" + re.escape(mark) + rb"(?:--)?[ \t]*(?:\r?\n|$)", answer.body):
        head, _, content = part.replace(b"\r\n", b"\n").partition(b"\n\n")
        if not content.strip():
            continue
        headers = Message()
        for line in head.decode("latin-1").splitlines():
            name, colon, value = line.partition(":")
            if colon and re.fullmatch(r"[!-9;-~]+", name):
                headers[name] = value.strip()
        named = headers.get_param("name", "", "content-disposition")
        yield (named if isinstance(named, str) else ""), headers.get_content_subtype().endswith("json"), content


def _read_image(text: str, channel: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise CarrierPuzzling("the label is no base64", channel=channel) from None


def _write_address(who: str, address: Address) -> dict[str, str]:
    if address.country != "US":
        raise Unsupported(f"{who}: USPS is asked for domestic labels only")
    code = _ZIP.fullmatch(address.postcode.strip())
    if code is None:
        raise BadInput("a ZIP code has five digits, or nine", where=f"{who} postcode")
    first, _, last = address.name.strip().rpartition(" ")
    # A name of one word is a firm's, for a person has two.
    told = {"firstName": first, "lastName": last} if first else {"firm": last}
    if address.company:
        told["firm"] = address.company
    told |= {
        "streetAddress": address.street,
        "city": address.city,
        "state": address.province,
        "ZIPCode": code[1],
        "ZIPPlus4": code[2] or "",
    }
    return {name: value for name, value in told.items() if value}
