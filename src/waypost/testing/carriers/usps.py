"""A strict fake of the USPS APIs, version 3: tokens, labels, tracking, subscriptions and their pushes.

The handshake by which USPS proves a listener, and how long it sends a push again, are not public: it does neither.
"""

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from waypost.booking.issuing import Address
from waypost.testing.carriers.faking import Asked, Fake, FakeParcel, FakeScan, Refused, Repeat, Sample, Told
from waypost.testing.carriers.paper import write_pdf

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_TOKEN_S = 28_799
_PDF = write_pdf("fake label of USPS")
_ZPL = b"^XA^FDfake label of USPS^FS^XZ\n"
_IMAGES = {"PDF": _PDF, "ZPL203DPI": _ZPL, "ZPL300DPI": _ZPL}
_LATEST = ZoneInfo("Pacific/Pago_Pago")  # where the day of the United States ends last
_CENTRAL = ZoneInfo("America/Chicago")
_STATE = re.compile(
    "A[LKZRSAEP]|C[AOT]|D[EC]|FL|G[AU]|HI|I[DLNA]|K[SY]|LA|M[EDAINSOTP]|N[EVHJMYCD]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|"
    "V[TAI]|W[AVIY]"
)
_ORDER = frozenset({"toAddress", "fromAddress", "senderAddress", "returnAddress", "imageInfo", "packageDescription"})
_PACKAGE = ("mailClass", "mailingDate", "processingCategory", "destinationEntryFacilityType", "weight")
_SIDES = ("length", "height", "width")
_CLASSES = frozenset(
    {
        "BOUND_PRINTED_MATTER",
        "FIRST-CLASS_PACKAGE_SERVICE",
        "LIBRARY_MAIL",
        "MEDIA_MAIL",
        "PARCEL_SELECT",
        "PRIORITY_MAIL",
        "PRIORITY_MAIL_EXPRESS",
        "USPS_GROUND_ADVANTAGE",
    }
)
_PICKUP = frozenset({"pickupDate", "pickupAddress", "packages", "estimatedWeight", "pickupLocation"})
_FETCHED = frozenset(
    {"FIRST-CLASS_PACKAGE_SERVICE", "PRIORITY_MAIL_EXPRESS", "PRIORITY_MAIL", "RETURNS", "INTERNATIONAL", "OTHER"}
)
_RATED = frozenset(
    {"originZIPCode", "destinationZIPCode", "weight", "length", "width", "height", "mailClasses", "priceType"}
)
_RATED_MORE = frozenset({"mailingDate", "accountType", "accountNumber"})
_CATEGORIES = frozenset({"FLATS", "LETTERS", "MACHINABLE", "IRREGULAR", "NONSTANDARD", "NON_MACHINABLE"})
_NUMBER = re.compile(r"[0-9A-Z]{10,34}")
_ZIP = re.compile(r"[0-9]{5}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_YET = "12: A status update is not yet available on your package. It will be available when the shipper provides an"
_NOT_YET += " update or the package is given to USPS. Check back soon. - "
#: By city: state, ZIP, zone. A plant has neither, and its name holds the state.
_PLACES = {
    "BOISE": ("ID", "83702", "America/Boise"),
    "DENVER CO DISTRIBUTION CENTER": (None, None, "America/Denver"),
    "PHOENIX AZ DISTRIBUTION CENTER": (None, None, "America/Phoenix"),
    "NEW YORK": ("NY", "10001", "America/New_York"),
}
_EASTERN = (None, None, "America/New_York")
#: By event code: what happened, and the category of the whole parcel after it.
_EVENTS = {
    "GX": ("Shipping Label Created, USPS Awaiting Item", "Pre-Shipment"),
    "03": ("Accepted at USPS Origin Facility", "Accepted"),
    "10": ("Arrived at USPS Regional Facility", "In Transit"),
    "A1": ("Arrived at USPS Regional Destination Facility", "In Transit"),
    "T1": ("Departed USPS Regional Facility", "In Transit"),
    "TL": ("In Transit to Next Facility", "In Transit"),
    "07": ("Arrived at USPS Facility", "In Transit"),
    "OF": ("Out for Delivery", "Out for Delivery"),
    "02": ("Notice Left (No Authorized Recipient Available)", "Alert"),
    "01": ("Delivered, Left with Individual", "Delivered"),
}
_SENDER = Address(
    name="Sender O'Neil",
    country="US",
    province="ID",
    city="Boise",
    street="100 Example St",
    phone="2085550100",
    postcode="83702",
)


class FakeUsps(Fake):
    """See `Fake`. Its numbers have 22 digits: `94`, a service, the MID of the customer, a serial and a check digit.

    Attributes:
        quota: calls that one product takes in an hour; 0 for any.
        has_get: it takes `GET /tracking/v3`; some customers' gateways do not any more.
        says_z: its local stamps end with a `Z` that is false, as those in its own README.
    """

    name: ClassVar[str] = "usps"
    has_tokens: ClassVar[bool] = True
    signs_time: ClassVar[bool] = True
    repeats: ClassVar[tuple[Repeat, ...]] = (Repeat.ANOTHER,)
    sample: ClassVar[Sample] = Sample(
        sender=_SENDER,
        consignee=Address(
            name="Consignee <A>",
            country="US",
            province="NY",
            city="New York",
            street="1 “A&B” Plaza",
            phone="2125550100",
            postcode="10001",
        ),
        currency="USD",
        cities=("BOISE", "DENVER CO DISTRIBUTION CENTER", "NEW YORK"),
    )

    def __init__(
        self,
        *,
        client: str = "client-of-the-fake",
        secret: str = "of-the-fake",
        crid: str = "11112222",
        mid: str = "900000001",
        payer: str = "1000000001",
        push_secret: str = "of-the-fake-in-thirty-two-signs.",
        scopes: str = "addresses labels payments prices pickup tracking subscriptions-tracking",
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.client, self.secret, self.scopes = client, secret, frozenset(scopes.split())
        self.crid, self.mid, self.payer, self.push_secret = crid, mid, payer, push_secret
        self.quota, self.has_get, self.says_z = 0, True, True
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.pickups: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, tuple[int, frozenset[str]]] = {}
        self._payments: dict[str, int] = {}
        self._called: dict[str, list[int]] = {}
        self._days: dict[str, dt.date] = {}
        self._disputed: set[str] = set()

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        return {
            "client_id": self.client,
            "client_secret": self.secret,
            "crid": self.crid,
            "mid": self.mid,
            "account_number": self.payer,
            "push_secret": self.push_secret,
            "listener_url": "https://listener.example/usps",
            "admin_email": "operator@listener.example",
        }

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        steps = asked.path.strip("/").split("/")
        if steps == ["oauth2", "v3", "token"] and asked.method == "POST":
            return self._token(asked)
        product, rest = "/" + "/".join(steps[:2]), steps[2:]
        scope = _SCOPES.get(product)
        if scope is None:
            raise self._no(404, product, "Not Found", f"no such API: {asked.path}")
        self._check_token(asked, product, scope)
        self._check_quota(product)
        match asked.method, product, rest:
            case "POST", "/payments/v3", ["payment-authorization"]:
                return self._authorize_payment(asked)
            case "POST", "/labels/v3", ["label"]:
                return self._make_label(asked)
            case "DELETE", "/labels/v3", ["label", number]:
                return self._cancel(asked, number)
            case "POST", "/pickup/v3", ["carrier-pickup"]:
                return self._come(asked)
            case _, "/pickup/v3", ["carrier-pickup", number]:
                return self._pickup(asked, number)
            case "POST", "/prices/v3", ["total-rates", "search"]:
                return self._rate(asked)
            case "GET", "/tracking/v3", ["tracking", number]:
                return self._track(asked, number)
            case "POST", "/tracking/v3r2", ["tracking"]:
                return self._track_many(asked)
            case _, ("/subscriptions-tracking/v3" | "/subscriptions-tracking/v3r2"), ["subscriptions", *more]:
                return self._subscriptions(asked, product, more)
        raise self._no(404, product, "Not Found", f"no such call: {asked.method} {asked.path}")

    # Tokens

    def _token(self, asked: Asked) -> Told:
        if "json" in asked.headers.get("content-type", ""):
            given = self._read(asked, "/oauth2/v3")
        else:
            given = dict(parse_qsl(asked.body.decode(errors="replace"), keep_blank_values=True))
        if given.get("grant_type") != "client_credentials":
            raise _flat(400, "unsupported_grant_type", "The grant type is not supported.", "only client_credentials")
        if (given.get("client_id"), given.get("client_secret")) != (self.client, self.secret):
            raise _flat(401, "invalid_client", "Client authentication failed.", "client_id or client_secret is wrong")
        wanted = frozenset(str(given.get("scope", "")).split()) or self.scopes
        scopes = wanted & self.scopes  # a token without some scope is given all the same, and refused later
        issued_ms = self.clock()
        token = _jwt({"jti": uuid.uuid4().hex, "scope": sorted(scopes)})
        self._tokens[token] = (issued_ms + _TOKEN_S * 1000, scopes)
        return _json(
            {
                "access_token": token,
                "token_type": "Bearer",
                "issued_at": issued_ms,
                "expires_in": _TOKEN_S,
                "status": "approved",
                "scope": " ".join(sorted(scopes)),
                "issuer": "https://keyc.usps.com/realms/USPS",
                "client_id": self.client,
                "application_name": "fake",
                "api_products": "[Public Access I]",
                "public_key": "",
            }
        )

    def _check_token(self, asked: Asked, product: str, scope: str) -> None:
        kind, _, token = asked.headers.get("authorization", "").partition(" ")
        until_ms, scopes = self._tokens.get(token, (0, frozenset()))
        if kind != "Bearer" or until_ms <= self.clock():
            raise self._no_token(product, f"no good token: {asked.headers.get('authorization', '')[:12]!r}")
        if scope not in scopes:
            message = "The client application identifier is invalid."
            raise self._no(401, product, message, f"the token has no scope {scope}", headers=_BEARER)

    def _check_quota(self, product: str) -> None:
        called = [at_ms for at_ms in self._called.get(product, []) if at_ms > self.clock() - _HOUR_MS]
        self._called[product] = [*called, self.clock()]
        if self.quota and len(called) >= self.quota:
            raise Refused(self.over_quota(), f"{product} takes {self.quota} calls an hour")

    def _authorize_payment(self, asked: Asked) -> Told:
        product = "/payments/v3"
        given = self._read(asked, product)
        roles = given.get("roles")
        if not isinstance(roles, list) or not all(isinstance(role, dict) for role in roles):
            raise self._bad(product, "roles", "roles has to be a list of objects")
        if {role.get("roleName") for role in roles} < {"PAYER", "LABEL_OWNER"}:
            raise self._bad(product, "roles", "roles needs a PAYER and a LABEL_OWNER")
        for role in roles:
            if role.get("CRID") != self.crid or role.get("MID") != self.mid:
                raise self._bad(product, "CRID", f"CRID and MID of {role.get('roleName')} are not the customer's")
            if not role.get("manifestMID"):
                raise self._bad(product, "manifestMID", "manifestMID is missing")
            if (role.get("accountType"), role.get("accountNumber")) != ("EPS", self.payer):
                raise self._bad(product, "accountNumber", "no such account that pays")
        token = _jwt({"jti": uuid.uuid4().hex})
        self._payments[token] = self.clock() + 8 * _HOUR_MS
        return _json({"paymentAuthorizationToken": token, "roles": roles})

    def _check_payment(self, asked: Asked) -> None:
        token = asked.headers.get("x-payment-authorization-token", "")
        if not token:
            raise self._bad("/labels/v3", "X-Payment-Authorization-Token", "the header of the payment is missing")
        if self._payments.get(token, 0) <= self.clock():
            raise self._no(401, "/labels/v3", "Payment authorization is not valid.", "no good payment token")

    # Pick-ups: by number; what is changed or cancelled is named by its state

    def _come(self, asked: Asked) -> Told:
        product = "/pickup/v3"
        given = self._read(asked, product)
        if given.keys() != _PICKUP:
            raise self._bad(product, "body", f"it has {', '.join(sorted(_PICKUP))}, not {', '.join(sorted(given))}")
        if not _DAY.fullmatch(str(given["pickupDate"])):
            raise self._bad(product, "pickupDate", "pickupDate is YYYY-MM-DD")
        if dt.date.fromisoformat(given["pickupDate"]) < dt.datetime.fromtimestamp(self.clock() / 1000, _LATEST).date():
            raise self._no(400, product, "The pickup date has passed.", "pickupDate is over everywhere")
        who = given["pickupAddress"]
        if not who.get("firm") and not (who.get("firstName") and who.get("lastName")):
            raise self._bad(product, "firstName", "pickupAddress needs firstName and lastName, or firm")
        place = who.get("address", {})
        if not place.get("streetAddress") or not _ZIP.fullmatch(str(place.get("ZIPCode"))):
            raise self._bad(product, "address", "address needs streetAddress and a ZIPCode of five digits")
        if not _STATE.fullmatch(str(place.get("state"))):
            raise self._bad(product, "state", f"no state: {place.get('state')!r}")
        if not any(set(each) <= {"email", "phone"} and all(each.values()) for each in who.get("contact") or ()):
            raise self._bad(product, "contact", "contact needs a phone or an email")
        for each in given["packages"] or [{}]:
            count = each.get("packageCount")
            if each.get("packageType") not in _FETCHED or not isinstance(count, int) or count < 1:
                raise self._bad(product, "packages", f"packages are of {', '.join(sorted(_FETCHED))}, 1 or more")
        if not isinstance(given["estimatedWeight"], int) or not 0 < given["estimatedWeight"] < 100_000:
            raise self._bad(product, "estimatedWeight", "estimatedWeight is whole pounds")
        if not given["pickupLocation"].get("packageLocation"):
            raise self._bad(product, "packageLocation", "packageLocation is missing")
        number = f"WTC{100_000_001 + len(self.pickups)}"
        self.pickups[number] = given
        return _json({"confirmationNumber": number, **given}, headers={"ETag": self._state(number)})

    def _pickup(self, asked: Asked, number: str) -> Told:
        product = "/pickup/v3"
        if number not in self.pickups:
            raise self._no(404, product, "The confirmation number was not found.", f"no pickup {number!r}")
        if asked.method == "GET":
            told = {"confirmationNumber": number, **self.pickups[number]}
            return _json(told, headers={"ETag": self._state(number)})
        if asked.method != "DELETE":
            raise self._no(405, product, "Method not allowed", f"this fake does no {asked.method} of pickups")
        if asked.headers.get("if-match") != self._state(number):
            raise self._no(412, product, "Precondition Failed", "If-Match is not the ETag of what is there now")
        del self.pickups[number]
        return Told(body=b"")

    def _state(self, number: str) -> str:
        whole = json.dumps([number, self.pickups[number]], sort_keys=True).encode()
        return f'"{hashlib.sha256(whole).hexdigest()[:32]}"'

    # Prices: by the pound, for each class of mail, with a fee for what is long

    def _rate(self, asked: Asked) -> Told:
        product = "/prices/v3"
        given = self._read(asked, product)
        if unknown := given.keys() - _RATED - _RATED_MORE:
            raise self._bad(product, min(unknown), f"USPS knows no {', '.join(sorted(unknown))} here")
        if missing := _RATED - given.keys():
            raise self._bad(product, min(missing), f"{', '.join(sorted(missing))} missing")
        for part in ("originZIPCode", "destinationZIPCode"):
            if not _ZIP.fullmatch(str(given[part])):
                raise self._bad(product, part, f"{part} has five digits")
        for part in ("weight", *_SIDES):
            if isinstance(given[part], bool) or not isinstance(given[part], int | float) or given[part] <= 0:
                raise self._bad(product, part, f"{part} is a number above 0")
        classes = given["mailClasses"]
        if not isinstance(classes, list) or not classes or not set(classes) <= _CLASSES:
            raise self._bad(product, "mailClasses", f"mailClasses are of {', '.join(sorted(_CLASSES))}")
        if given["priceType"] not in ("RETAIL", "COMMERCIAL", "CONTRACT"):
            raise self._bad(product, "priceType", "priceType is RETAIL, COMMERCIAL or CONTRACT")
        if not _DAY.fullmatch(given.get("mailingDate", "2026-11-23")):
            raise self._bad(product, "mailingDate", "mailingDate is YYYY-MM-DD")
        if ("accountType" in given) != ("accountNumber" in given):
            raise self._bad(product, "accountNumber", "accountType and accountNumber go together")
        if given.get("accountNumber", self.payer) != self.payer:
            raise self._bad(product, "accountNumber", "no such account that pays")
        heavy = given["weight"] > 70
        return _json({"rateOptions": [] if heavy else [o for name in classes for o in self._options(given, name)]})

    def _options(self, given: dict[str, Any], mail_class: str) -> list[dict[str, Any]]:
        """A single piece, and a flat box that is cheaper than that: nobody who books the one pays the other."""
        pounds = -int(-given["weight"] // 1)
        price = round({"PRIORITY_MAIL_EXPRESS": 31.4, "PRIORITY_MAIL": 9.35}.get(mail_class, 5.25) + 1.1 * pounds, 2)
        fees: list[dict[str, Any]] = [{"name": "Nonstandard Length > 22", "SKU": "D811XUXXXXX0000", "price": 4.0}]
        fees = fees if given["length"] > 22 else []
        common = {"priceType": given["priceType"], "startDate": "2026-07-13", "endDate": "", "mailClass": mail_class}
        common |= {"weight": given["weight"], "dimWeight": 0.0, "zone": "05", "destinationEntryFacilityType": "NONE"}
        single: dict[str, Any] = {
            "SKU": "DUXP0XXXXC00000",
            "description": f"{mail_class} Machinable Single-piece",
            "price": price,
        }
        single |= {"rateIndicator": "SP", "processingCategory": "MACHINABLE", "fees": fees}
        flat: dict[str, Any] = {
            "SKU": "DPFB1XXXXC00000",
            "description": f"{mail_class} Flat Rate Box",
            "price": 1.0,
            "fees": [],
        }
        flat |= {"rateIndicator": "FB", "processingCategory": "MACHINABLE"}
        total = round(price + sum(fee["price"] for fee in fees), 2)
        return [
            {"totalBasePrice": total, "totalPrice": total, "rates": [common | single], "extraServices": []},
            {"totalBasePrice": 1.0, "totalPrice": 1.0, "rates": [common | flat], "extraServices": []},
        ]

    # Labels

    def _make_label(self, asked: Asked) -> Told:
        product = "/labels/v3"
        self._check_payment(asked)
        given = self._read(asked, product)
        if unknown := given.keys() - _ORDER:
            raise self._bad(product, min(unknown), f"USPS knows no {', '.join(sorted(unknown))} here")
        for who in ("toAddress", "fromAddress"):
            self._check_address(given.get(who), who)
        package = given.get("packageDescription")
        if not isinstance(package, dict):
            raise self._bad(product, "packageDescription", "packageDescription is missing")
        day = self._check_package(package)
        kind = dict(given.get("imageInfo") or {}).get("imageType", "PDF")
        if kind not in _IMAGES:
            raise self._bad(product, "imageType", f"this fake draws no {kind}")
        references = package.get("customerReference", [])
        parcel = self.make_another(references[0]["referenceNumber"] if references else "")
        self._days[parcel.number] = day
        if any(one["filterProperties"].get("MID") for one in self.subscriptions.values()):
            parcel.is_subscribed = True
        to = given["toAddress"]
        described = {
            "labelAddress": {**to, "ignoreBadAddress": to.get("ignoreBadAddress", False)},
            "routingInformation": f"420{to['ZIPCode']}{to.get('ZIPPlus4', '')}",
            "trackingNumber": parcel.number,
            "postage": 7.64,
            "extraServices": [{"name": "USPS Tracking", "price": 0}],
            "zone": "01",
            "commitment": {"name": "3 Days", "scheduleDeliveryDate": (day + dt.timedelta(days=3)).isoformat()},
            "weightUOM": "LB",
            "weight": package["weight"],
            "fees": [],
            "SKU": "DUXP0XXXXC00000",
        }
        image = base64.b64encode(_IMAGES[kind]).decode()
        if "application/vnd.usps.labels+json" in asked.headers.get("accept", ""):
            return _json({**described, "labelImage": image}, content_type="application/vnd.usps.labels+json")
        return _parts(json.dumps(described), f"label.{kind[:3].lower()}", "application/pdf", image)

    def _check_address(self, given: Any, who: str) -> None:
        product = "/labels/v3"
        if not isinstance(given, dict):
            raise self._bad(product, who, f"{who} is missing")
        if not given.get("firm") and not (given.get("firstName") and given.get("lastName")):
            raise self._bad(product, f"{who}.firstName", f"{who} needs firstName and lastName, or firm")
        for part in ("streetAddress", "city"):
            if not isinstance(given.get(part), str) or not given[part].strip():
                raise self._bad(product, f"{who}.{part}", f"{who}.{part} is missing")
        if not _STATE.fullmatch(str(given.get("state"))):
            raise self._bad(product, f"{who}.state", f"{who}.state is no state: {given.get('state')!r}")
        if not _ZIP.fullmatch(str(given.get("ZIPCode", ""))):
            raise self._bad(product, f"{who}.ZIPCode", f"{who}.ZIPCode has five digits")
        if not re.fullmatch(r"([0-9]{4})?", str(given.get("ZIPPlus4", ""))):
            raise self._bad(product, f"{who}.ZIPPlus4", f"{who}.ZIPPlus4 has four digits")
        if given["ZIPCode"] == "00000":
            message = "There is no match for the address requested."
            raise self._no(404, product, message, f"{who}: no such place")

    def _check_package(self, given: dict[str, Any]) -> dt.date:
        """The day on which it is to be mailed."""
        product = "/labels/v3"
        for part in (*_PACKAGE, *_SIDES):
            if given.get(part) in (None, ""):
                raise self._bad(product, part, f"packageDescription.{part} is missing")
        if not given.get("rateIndicator") and not (given.get("packagingType") and given.get("shape")):
            raise self._bad(product, "rateIndicator", "rateIndicator is missing")
        for part, known in (("mailClass", _CLASSES), ("processingCategory", _CATEGORIES)):
            if given[part] not in known:
                raise self._bad(product, part, f"packageDescription.{part} is not one of USPS: {given[part]!r}")
        for part in ("weight", *_SIDES):
            if isinstance(given[part], bool) or not isinstance(given[part], int | float) or not given[part] > 0:
                raise self._bad(product, part, f"packageDescription.{part} has to be a number above 0")
        if (given.get("weightUOM", "lb"), given.get("dimensionsUOM", "in")) != ("lb", "in"):
            raise self._bad(product, "weightUOM", "weight is in lb, sides are in in")
        if given["weight"] > 70:
            raise self._bad(product, "weight", "USPS carries 70 lb at most")
        longest, *others = sorted((float(given[side]) for side in _SIDES), reverse=True)
        if longest + 2 * sum(others) > 130:
            raise self._bad(product, "length", "length and girth are 130 in at most")
        if len(given.get("customerReference", [])) > 4:
            raise self._bad(product, "customerReference", "at most 4 references")
        if not all(isinstance(one, dict) and one.get("referenceNumber") for one in given.get("customerReference", [])):
            raise self._bad(product, "customerReference", "a reference has a referenceNumber")
        return self._check_day(product, given["mailingDate"])

    def _check_day(self, product: str, given: Any) -> dt.date:
        try:
            if not _DAY.fullmatch(str(given)):
                raise ValueError(given)
            day = dt.date.fromisoformat(given)
        except ValueError:
            raise self._bad(product, "mailingDate", f"mailingDate is YYYY-MM-DD: {given!r}") from None
        today = dt.datetime.fromtimestamp(self.clock() / 1000, _LATEST).date()
        if not today <= day <= today + dt.timedelta(days=8):
            raise self._bad(product, "mailingDate", f"mailingDate {day} is past, or more than a week away")
        return day

    def _cancel(self, asked: Asked, number: str) -> Told:
        self._check_payment(asked)
        parcel = self.parcels.get(number)
        if parcel is None or parcel.is_cancelled:
            raise self._no_cancel("Order not found", f"no label {number}, or it was cancelled")
        if number in self._disputed:
            detail = "A refund request for this order has already been submitted today"
            raise self._no_cancel(detail, f"{number} is disputed already")
        if parcel.scans:
            raise self._no_cancel("A refund request for this order cannot be submitted", f"{number} is under way")
        if day := self._days.get(number):
            manifest = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(0, 30), _CENTRAL)
            if self.clock() >= manifest.timestamp() * 1000:
                self._disputed.add(number)
                return _json({"trackingNumber": number, "status": "DISPUTED", "disputeId": "100001"})
        parcel.is_cancelled = True
        return _json({"trackingNumber": number, "status": "CANCELED"})

    def _no_cancel(self, detail: str, why: str) -> Refused:
        error = {"title": "Bad Request", "detail": detail, "code": "0000001", "source": {"parameter": "trackingNumber"}}
        return self._no(400, "/labels/v3", "Bad Request", why, errors=[error])

    # Tracking

    def _track(self, asked: Asked, number: str) -> Told:
        product = "/tracking/v3"
        if not self.has_get:
            raise self._bad(product, "trackingNumber", "this customer's gateway takes POST v3r2 only")
        if unknown := asked.query.keys() - {"expand", "destinationZIPCode", "mailingDate"}:
            raise self._bad(product, min(unknown), f"unexpected query parameter {min(unknown)}")
        expand = asked.query.get("expand", "SUMMARY").upper()
        if expand not in ("SUMMARY", "DETAIL"):
            raise self._bad(product, "expand", f"expand is SUMMARY or DETAIL, not {expand[:20]!r}")
        if (fault := self._find_fault(number)) is not None:
            raise fault
        parcel = self.parcels[number]
        if expand == "SUMMARY":
            lines = [self._in_words(scan) for scan in _newest_first(parcel)]
            return _json({"trackingNumber": number, "eventSummaries": lines[:99]})
        return _json(self._describe(parcel, list(_newest_first(parcel)), zip_key="eventZIP"))

    def _track_many(self, asked: Asked) -> Told:
        product = "/tracking/v3r2"
        if unknown := asked.query.keys() - {"expand"}:
            raise self._bad(product, min(unknown), f"unexpected query parameter {min(unknown)}")
        given = self._parse(asked, product)
        if not isinstance(given, list) or not given:
            raise self._bad(product, "body", "the body has to be a list of numbers to track")
        if len(given) > 35:
            raise self._bad(product, "body", f"{len(given)} numbers: at most 35")
        told: list[dict[str, Any]] = []
        for one in given:
            if not isinstance(one, dict) or not isinstance(one.get("trackingNumber"), str):
                raise self._bad(product, "trackingNumber", "each item is an object with a trackingNumber")
            if unknown := one.keys() - {"trackingNumber", "destinationZIPCode", "mailingDate"}:
                raise self._bad(product, min(unknown), f"an item has no {min(unknown)}")
            number = one["trackingNumber"]
            if not _NUMBER.fullmatch(number):
                raise self._bad(product, "trackingNumber", f"no number of USPS: {number[:40]!r}")
            if (fault := self._find_fault(number)) is not None:
                error = json.loads(fault.told.body)["error"]
                told.append({"trackingNumber": number, "error": error, "errors": error.get("errors", [])})
                continue
            parcel = self.parcels[number]
            whole = self._describe(parcel, list(_newest_first(parcel)), zip_key="eventZIPCode")
            told.append({**whole, "deliveryDateExpectation": {"expectedDeliveryDate": None}})
        return _json(told, status=207 if any("error" in one for one in told) else 200)

    def _find_fault(self, number: str) -> Refused | None:
        """Why nothing is told of a number."""
        product = "/tracking/v3"
        if not _NUMBER.fullmatch(number):
            return self._bad(product, "trackingNumber", f"no number of USPS: {number[:40]!r}")
        if re.fullmatch(r"94[0-9]{20}", number) and number[5:14] != self.mid:
            message = (
                f"The requested MID is not authorized to access /tracking/{number[:4]}. USPS implemented Tracking "
            )
            message += "API Access Controls 4/1/2026."
            return Refused(_json(_error(403, product, message), status=403), f"{number} is of another MID")
        parcel = self.parcels.get(number)
        if parcel is None or not parcel.scans:
            error = {"title": _NOT_YET, "detail": "", "code": "150001"}
            return self._no(400, product, _NOT_YET, f"nothing is known of {number}", errors=[error])
        return None

    def _describe(self, parcel: FakeParcel, scans: list[FakeScan], *, zip_key: str) -> dict[str, Any]:
        happened, category = _EVENTS.get(scans[0].code, ("Shipment Received", "In Transit")) if scans else ("", "")
        return {
            "trackingNumber": parcel.number,
            "status": happened,
            "statusCategory": category,
            "statusSummary": self._in_words(scans[0]) if scans else "",
            "mailClass": "USPS Ground Advantage<SUP>&#153;</SUP>",
            "mailType": "DM",
            "serviceTypeCode": "001",
            "services": ["USPS Tracking<SUP>&#174;</SUP>"],
            "destinationCity": "NEW YORK",
            "destinationState": "NY",
            "destinationZIP" if zip_key == "eventZIP" else "destinationZIPCode": "10001",
            "originCity": "BOISE",
            "originState": "ID",
            "originZIP": "83702",
            "emailEnabled": "true",
            "kahalaIndicator": "false",
            "proofOfDeliveryEnabled": "false",
            "tableCode": "T",
            "uniqueMailPieceID": "100000001",
            "trackingEvents": [self._event(scan, zip_key) for scan in scans],
        }

    def _event(self, scan: FakeScan, zip_key: str) -> dict[str, Any]:
        state, zip_code, zone = _PLACES.get(scan.city, _EASTERN)
        is_nowhere = scan.code == "TL"
        local = dt.datetime.fromtimestamp(scan.at_ms / 1000, ZoneInfo(zone))
        offset = local.strftime("%z")
        return {
            "eventType": _EVENTS.get(scan.code, ("Shipment Received", ""))[0],
            # The minute alone, and a zone that it is not in
            "eventTimestamp": local.strftime("%Y-%m-%dT%H:%M:00") + ("Z" if self.says_z else ""),
            "GMTTimestamp": local.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "GMTOffset": f"{offset[:3]}:{offset[3:]}",
            "eventCountry": None,
            "eventCity": None if is_nowhere else scan.city,
            "eventState": None if is_nowhere else state,
            zip_key: None if is_nowhere else zip_code,
            "firm": None,
            "name": "FRONT DESK" if scan.code == "01" else None,
            "authorizedAgent": "false",
            "eventCode": scan.code,
            "additionalProp": None,
        }

    def _in_words(self, scan: FakeScan) -> str:
        local = dt.datetime.fromtimestamp(scan.at_ms / 1000, ZoneInfo(_PLACES.get(scan.city, _EASTERN)[2]))
        return f"{_EVENTS.get(scan.code, ('Shipment Received', ''))[0]}, {local:%B %d, %Y, %I:%M %p}, {scan.city}"[:99]

    # Subscriptions and pushes

    def _subscriptions(self, asked: Asked, product: str, more: list[str]) -> Told:
        match asked.method, more:
            case "POST", []:
                return self._subscribe(self._read(asked, product), product)
            case "GET", []:
                if not asked.query.get("MID") or asked.query.keys() != {"MID"}:
                    raise self._bad(product, "MID", "a list is of one MID")
                found = [
                    one
                    for one in self.subscriptions.values()
                    if one["filterProperties"].get("MID") == asked.query["MID"]
                ]
                if not found:
                    raise self._no(404, product, "No Subscriptions were found", "there is none")
                return _json(found)
            case "GET", [name] if name in self.subscriptions:
                return _json(self.subscriptions[name], headers={"ETag": self._tag(name)})
            case "DELETE", [name] if name in self.subscriptions:
                if asked.headers.get("if-match") != self._tag(name):
                    raise self._no(412, product, "Precondition Failed", "If-Match is not the ETag of what is there now")
                del self.subscriptions[name]
                return Told(body=b"")
        raise self._no(404, product, "No Subscriptions were found", f"no such: {asked.method} {asked.path}")

    def _subscribe(self, given: dict[str, Any], product: str) -> Told:
        if not str(given.get("listenerURL", "")).startswith("https://"):
            raise self._bad(product, "listenerURL", "listenerURL begins with https")
        if not isinstance(given.get("secret"), str) or len(given["secret"]) != 32:
            raise self._bad(product, "secret", "secret has exactly 32 characters")
        mails = given.get("adminNotification")
        if not isinstance(mails, list) or not mails or not all(isinstance(m, dict) and m.get("email") for m in mails):
            raise self._bad(product, "adminNotification", "adminNotification is a list of objects with an email")
        chosen = given.get("filterProperties")
        if not isinstance(chosen, dict) or len({"MID", "trackingNumber"} & chosen.keys()) != 1:
            raise self._bad(product, "filterProperties", "filterProperties has either MID or trackingNumber")
        if chosen.get("trackingEventTypes", ["ALL_UPDATES"]) != ["ALL_UPDATES"]:
            raise self._bad(product, "trackingEventTypes", "only ALL_UPDATES")
        if "MID" in chosen and chosen["MID"] != self.mid:
            raise self._no(403, product, "The requested MID is not authorized.", "another customer's MID")
        key = [given["listenerURL"], chosen.get("MID"), chosen.get("trackingNumber")]
        for name, one in self.subscriptions.items():
            kept = one["filterProperties"]
            if key == [one["listenerURL"], kept.get("MID"), kept.get("trackingNumber")]:
                message = f"Subscription already exists. subscriptionId : {name}"
                raise self._no(400, product, message, "it is subscribed already")
        for parcel in self.parcels.values():
            if "MID" in chosen or parcel.number == chosen["trackingNumber"]:
                parcel.is_subscribed = True
        name = str(uuid.uuid4())
        self.subscriptions[name] = {**given, "subscriptionId": name, "status": "ENABLED"}
        return _json(self.subscriptions[name], status=201)

    def _tag(self, name: str) -> str:
        whole = json.dumps(self.subscriptions[name], sort_keys=True).encode()
        return f'"{hashlib.sha256(whole).hexdigest()[:32]}"'

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`. Signed are the stamp and the inner text, as they stand."""
        secret, name = self.push_secret, "00000000-0000-4000-8000-000000000001"
        for found, one in self.subscriptions.items():
            if one["filterProperties"].get("trackingNumber", parcel.number) == parcel.number:
                secret, name = one["secret"], found
        ordered = sorted(scans, key=lambda scan: -scan.at_ms)
        payload = json.dumps(self._describe(parcel, ordered, zip_key="eventZIPCode"), ensure_ascii=False)
        stamp = dt.datetime.fromtimestamp(self.clock() // 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        signed = hmac.new(secret.encode(), (stamp + payload).encode(), hashlib.sha256).digest()
        body = {
            "subscriptionId": name,
            "subscriptionType": "TRACKING",
            "timestamp": stamp,
            "payload": payload,
            "links": [{"rel": "self", "href": f"https://apis.usps.com/subscriptions-tracking/v3/subscriptions/{name}"}],
        }
        return Asked(
            method="POST",
            path="",
            query={},
            headers={"content-type": "application/json", "x-hmac": base64.b64encode(signed).decode()},
            body=json.dumps(body).encode(),
        )

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`: any 2xx, whatever the body."""
        return 200 <= status < 300

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        digits = f"94001{self.mid}{count:07d}"
        total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
        return f"{digits}{-total % 10}"

    def over_quota(self) -> Told:
        """See `Fake`."""
        message = "Exceeded quota limit. Please contact https://emailus.usps.com/s/web-tools-inquiry and a "
        message += "representative will assist."
        errors = [{"title": "Too Many Requests.", "detail": "Quota limit exceeded."}]
        told = _error(429, "/tracking/v3", message)
        told["error"]["errors"] = errors
        return _json(told, status=429, headers={"Retry-After": "30"})

    def expired(self) -> Told:
        """See `Fake`: all tokens that it gave."""
        self._tokens.clear()
        return self._no_token("/tracking/v3", "").told

    # How it says no

    def _read(self, asked: Asked, product: str) -> dict[str, Any]:
        found = self._parse(asked, product)
        if not isinstance(found, dict):
            raise self._bad(product, "body", "the body is no object")
        return found

    def _parse(self, asked: Asked, product: str) -> Any:
        if "application/json" not in asked.headers.get("content-type", ""):
            raise self._no(415, product, "Unsupported Media Type", "the content type is not application/json")
        try:
            return json.loads(asked.body)
        except ValueError:
            raise self._bad(product, "body", "the body is no JSON") from None

    def _no_token(self, product: str, why: str) -> Refused:
        error = {
            "title": "invalid_token",
            "detail": "The access token presented with the request is missing or malformed (not a JWT).",
            "source": "Access Token",
        }
        message = "Missing or malformed access token."
        return self._no(401, product, message, why, errors=[error], headers=_BEARER)

    def _bad(self, product: str, parameter: str, why: str) -> Refused:
        error = {
            "status": "400",
            "code": "010001",
            "title": "Bad Request",
            "detail": why,
            "source": {"parameter": parameter, "example": ""},
        }
        return self._no(400, product, "OASValidation: the request is not valid.", why, errors=[error])

    def _no(
        self,
        status: int,
        product: str,
        message: str,
        why: str,
        *,
        errors: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Refused:
        told = _error(status, product, message)
        told["error"]["errors"] = errors or []
        return Refused(_json(told, status=status, headers=headers or {}), why)


_SCOPES = {
    "/payments/v3": "payments",
    "/labels/v3": "labels",
    "/prices/v3": "prices",
    "/pickup/v3": "pickup",
    "/tracking/v3": "tracking",
    "/tracking/v3r2": "tracking",
    "/subscriptions-tracking/v3": "subscriptions-tracking",
    "/subscriptions-tracking/v3r2": "subscriptions-tracking",
}
_BEARER = {"WWW-Authenticate": 'Bearer realm="https://api.usps.com"'}


def _newest_first(parcel: FakeParcel) -> list[FakeScan]:
    return sorted(parcel.scans, key=lambda scan: -scan.at_ms)


def _error(status: int, product: str, message: str) -> dict[str, Any]:
    return {"apiVersion": product, "error": {"code": str(status), "message": message}}


def _flat(status: int, error: str, described: str, why: str) -> Refused:
    told = {
        "error": error,
        "error_description": described,
        "error_uri": "https://datatracker.ietf.org/doc/html/rfc6749",
    }
    return Refused(_json(told, status=status), why)


def _json(
    value: Any,
    *,
    status: int = 200,
    content_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Told:
    return Told(body=json.dumps(value).encode(), status=status, content_type=content_type, headers=headers or {})


def _parts(described: str, name: str, kind: str, image: str) -> Told:
    """The two parts of a label, with headers as odd as those of USPS: the image is Base64 whatever they say."""
    line = uuid.uuid4().hex[:18].upper()
    body = (
        f"--{line}\r\nContent-type: application/json\r\n\r\n{described}\r\n"
        f"--{line}\r\nFile Name: {name}\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\n"
        f"Content-Transfer-Encoding: encode\r\n\r\n{image}\r\n--{line}--\r\n"
    )
    return Told(body=body.encode(), content_type=f"multipart/form-data; boundary={line}")


def _jwt(claims: dict[str, Any]) -> str:
    parts = (json.dumps({"alg": "RS256", "typ": "JWT"}), json.dumps(claims), "signed by the fake")
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
