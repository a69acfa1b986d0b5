"""Carriers that Waypost has no adapter for, through the connectors of karrio: `pip install "waypost[karrio]"`.

karrio knows how a carrier is asked and how its answer is opened. What it makes of the answer is not taken: it labels
local times UTC, and its words for statuses are its own. So stamps are read from the answer itself (`shapes`), with the
offset where the carrier gives one and without where it gives none, and codes go on as the carrier wrote them.

karrio does HTTP by itself, through one function; this file puts the account's `Caller` in its place for calls that
begin here, so that the account's address, rate, time-out, retries and breaker hold. karrio is imported when an account
wants it, and not before: it takes seconds and much memory. On import it also turns off for the whole process that
urllib checks certificates; that is undone here.
"""

import importlib
import io
import itertools
import re
import ssl
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.message import Message
from types import ModuleType
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import Request
from urllib.response import addinfourl

import msgspec

from waypost.carriers.accounts import Account
from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.calling import Call, Caller
from waypost.carriers.rows import seen_of
from waypost.carriers.shapes import SHAPES, Shape, read_details
from waypost.model.carriers import CARRIER_CODE
from waypost.model.decoding import decode
from waypost.model.errors import SettingsError
from waypost.track.carriers import (
    Asked,
    CarrierError,
    CarrierPuzzling,
    CarrierRefused,
    Seen,
    Unsupported,
)

#: The adapter for whichever carrier the account is with.
BRIDGE = "karrio"

_TRACK = "tracking by karrio"
#: Where a connector is told that its carrier serves: a name that leads nowhere but here.
_NOWHERE = "account-{}.waypost.invalid"
_TIMES = ("local", "utc")
_DENIED = (401, 403)
#: What headers and fields of an address are called by which one is let in.
_LETS_IN = re.compile("auth|token|key|secret|passw", re.IGNORECASE)


class Bridge:
    """Asks at one account, through one connector.

    Args:
        connector: as karrio names it.
        carrier: whose scans these are, as Waypost names it.
        told: the settings of the account that the connector has too, by karrio's names.
        times: of connectors that no shape is known of, how their stamps are meant: `local` to the place, or `utc`.
    """

    most_at_once = 10

    def __init__(
        self, caller: Caller, connector: str, carrier: str, told: Mapping[str, Any], times: str | None = None
    ) -> None:
        self.carrier = carrier
        self._caller = caller
        self._shape = _shape_of(connector, times, caller.account)
        self._line = _Line(caller)
        self._connection = _Connection(connector, told, self._line.open(), caller.account)
        self._one_asks = threading.Lock()

    def track(self, asked: Sequence[Asked]) -> Seen:
        """See `TrackSource`."""
        channel, line = self._caller.channel(_TRACK), self._line
        with self._one_asks:  # so that each answer is known to be of this question
            line.clear()
            try:
                native = self._connection.ask([each.number for each in asked])
                told = self._shape(native, self._connection)
            except Exception as error:
                line.complain(channel)
                what = f"karrio cannot read the answer ({type(error).__name__})"
                raise CarrierPuzzling(what, channel=channel) from error
            faults = [self._caller.mask(fault) for fault in told.faults]
            line.complain(channel, faults)
        why = dict.fromkeys((each.number for each in asked), "; ".join(dict.fromkeys(faults)) or "no scans")
        why |= {number: self._caller.mask(fault) for number, fault in told.why.items()}
        return seen_of(self.carrier, asked, told.scans, channel, why)

    def subscribe(self, asked: Sequence[Asked]) -> Mapping[str, str]:
        """See `TrackSource`."""
        raise Unsupported("karrio has no subscriptions")


def bridge_to(connector: str) -> Callable[[Caller], Bridge]:
    """What makes the bridge to a carrier that karrio and Waypost call the same."""

    def make(caller: Caller) -> Bridge:
        account = caller.account
        hidden = {name: secret.text for name, secret in account.secrets.items()}
        return Bridge(caller, connector, connector, {**account.settings, **hidden})

    return make


def bridge_by_setting(caller: Caller) -> Bridge:
    """The bridge to whichever connector the account names; the scans are of the account's carrier.

    Raises:
        SettingsError: what it says cannot be used.
    """
    account = caller.account
    connector = account.get("connector")
    if not connector.isidentifier():
        raise SettingsError(f"[accounts.{account.name}] connector: {connector[:40]!r} is no name of a connector")
    carrier = account.carrier
    if carrier == BRIDGE:
        raise SettingsError(
            f"[accounts.{account.name}] carrier: {BRIDGE} is nobody's carrier",
            mend=f'Write whose scans these are, as carrier = "auspost", and adapter = "{BRIDGE}".',
        )
    if not CARRIER_CODE.fullmatch(carrier):
        raise SettingsError(f"[accounts.{account.name}] carrier: {carrier[:40]!r} is no carrier code")
    try:
        told = decode(account.secret("connection"), dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError):
        raise SettingsError(
            f"[accounts.{account.name}] connection is no JSON object",
            mend='Write what karrio\'s connector asks for, for instance {"api_key": "…"}.',
        ) from None
    caller.hide(text for _, text in _texts(told))
    return Bridge(caller, connector, carrier, told, account.get("times", "") or None)


class _Connection:
    """One connector of karrio with its settings."""

    def __init__(self, connector: str, told: Mapping[str, Any], url: str, account: Account) -> None:
        lib, models, plugin = (_load(name, connector, account) for name in _MODULES)
        data = plugin.METADATA
        settings: Any = type("Settings", (data["Settings"],), {"server_url": url})
        known = {field.name for field in settings.__attrs_attrs__}
        if strange := sorted(told.keys() - known):
            raise SettingsError(
                f"[accounts.{account.name}] {strange[0][:40]} is no setting of karrio's connector {connector}",
                mend=f"There are: {', '.join(sorted(known))}.",
            )
        try:
            self.settings = settings(**told)
        except (TypeError, ValueError) as error:
            lacking = [field.name for field in settings.__attrs_attrs__ if field.name not in told and not field.default]
            raise SettingsError(
                f"[accounts.{account.name}] karrio's connector {connector} cannot be set up ({type(error).__name__})",
                mend=f"It may lack one of: {', '.join(lacking)}." if lacking else None,
            ) from None
        self.settings.tracer = _tracer(lib)
        self.settings.cache = lib.Cache()
        self._mapper, self._proxy = data["Mapper"](self.settings), data["Proxy"](self.settings)
        self._request = models.TrackingRequest

    def ask(self, numbers: list[str]) -> Any:
        """The carrier's answer, opened by karrio and not yet understood."""
        wanted = self._request(tracking_numbers=numbers)
        self._answer = self._proxy.get_tracking(self._mapper.create_tracking_request(wanted))
        return self._answer.deserialize()

    def understand(self) -> tuple[Sequence[Any], Sequence[Any]]:
        """What karrio makes of the answer: details of waybills, and messages."""
        details, messages = self._mapper.parse_tracking_response(self._answer)
        return details, messages


class _Line:
    """What stands for the network before a connector: its calls go through the account's caller, and are noted."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._statuses: list[int] = []
        self._failure: CarrierError | None = None

    def open(self) -> str:
        """The address by which the connector reaches this line."""
        host = _NOWHERE.format(next(_COUNT))
        _LINES[host] = self
        return f"https://{host}"

    def clear(self) -> None:
        self._statuses, self._failure = [], None

    def complain(self, channel: str, faults: Sequence[str] = ()) -> None:
        """Say what went wrong with the calls as such, which connectors hide.

        Raises:
            CarrierError: it did.
        """
        if self._failure is not None:
            raise self._failure
        if refused := [status for status in self._statuses if status in _DENIED]:
            why = "; ".join(dict.fromkeys(faults)) or "no reason given"
            raise CarrierRefused(f"refused: {why}", channel=channel, carrier_code=str(refused[0]))

    def call(self, request: Request) -> addinfourl:
        """In place of `urlopen`."""
        parts = urlsplit(request.full_url)
        headers = dict(request.header_items())
        body = request.data or b""
        if not isinstance(body, bytes):
            raise TypeError("a body that is no bytes")
        for name, value in (*headers.items(), *parse_qsl(parts.query)):
            if _LETS_IN.search(name):
                self._caller.lend(value.partition(" ")[2] or value)  # behind Bearer, Basic and the like
        try:
            answer = self._caller.call(
                Call(
                    operation=_TRACK,
                    path=parts.path + (f"?{parts.query}" if parts.query else ""),
                    method=request.get_method(),
                    headers=headers,
                    body=body,
                    is_repeatable=True,  # nothing but tokens and tracks is asked for
                )
            )
        except CarrierError as error:
            self._failure = error
            raise
        self._statuses.append(answer.status)
        for token in _tokens(answer.body):
            self._caller.lend(token)
        told = Message()
        told["content-type"] = answer.content_type
        content = io.BytesIO(answer.body)
        if answer.status >= 400:
            raise HTTPError(request.full_url, answer.status, f"status {answer.status}", told, content)
        return addinfourl(content, told, request.full_url, answer.status)


def _texts(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """The texts in what JSON held, each with the name that it stands under."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, name)


def _tokens(body: bytes) -> list[str]:
    """What an answer lends, if it is one of JSON: by which name connectors send it on is theirs."""
    if b"oken" not in body:
        return []
    try:
        told = decode(body)
    except (msgspec.DecodeError, UnicodeError):
        return []
    return [text for name, text in _texts(told) if name.lower().endswith("token")]


_COUNT = itertools.count(1)
_LINES: weakref.WeakValueDictionary[str, _Line] = weakref.WeakValueDictionary()
_ONE_LOADS = threading.Lock()
#: What is needed of karrio; the connector's own name goes into the last.
_MODULES = ("karrio.lib", "karrio.core.models", "karrio.plugins.{}")
_SENDING = "karrio.core.utils.helpers"


def _load(name: str, connector: str, account: Account) -> ModuleType:
    """A module of karrio.

    Raises:
        SettingsError: it is not installed; says what is missing.
    """
    with _ONE_LOADS:
        try:
            set_up()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return importlib.import_module(name.format(connector))
        except ModuleNotFoundError as error:
            missing = error.name or ""
            if missing.startswith("karrio.plugins."):
                raise SettingsError(
                    f"[accounts.{account.name}] karrio's connector {connector} is not installed",
                    mend=f"pip install karrio-{connector.replace('_', '-')}",
                ) from None
            raise SettingsError(
                f"[accounts.{account.name}] needs karrio, which is not installed (there is no {missing})",
                mend='pip install "waypost[karrio]"',
            ) from None


def set_up() -> None:
    """Import what karrio sends by, and put ours before it; before anything else of karrio is imported.

    Raises:
        ModuleNotFoundError: it is not installed.
    """
    make_context = ssl._create_default_https_context
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it imports a package that warns of its own end
            importlib.import_module("loguru").logger.disable("karrio")  # it writes down numbers and addresses
            helpers: Any = importlib.import_module(_SENDING)
    finally:
        ssl._create_default_https_context = make_context
    plain = getattr(helpers, "urlopen", None)
    if plain is None:
        raise SettingsError("this version of karrio sends in another way", mend='pip install "waypost[karrio]"')
    if getattr(plain, "__module__", "") != __name__:
        helpers.urlopen = _sender(plain)


def _sender(plain: Callable[..., Any]) -> Callable[..., Any]:
    def send(request: Any, *arguments: Any, **more: Any) -> Any:
        """The account's line, or what karrio had: others may use it in this process too."""
        line = _LINES.get(request.host) if isinstance(request, Request) else None
        return plain(request, *arguments, **more) if line is None else line.call(request)

    return send


def _tracer(lib: Any) -> Any:
    """One that keeps nothing: karrio's own keeps every call, with its keys, for as long as the connection lives."""

    def forget(self: Any, data: Any, key: str, metadata: Any = None, format: str | None = None) -> Any:
        return data

    return type("Tracer", (lib.Tracer,), {"trace": forget})()


def _shape_of(connector: str, times: str | None, account: Account) -> Shape:
    where = f"[accounts.{account.name}] times"
    if connector in SHAPES:
        if times is not None:
            raise SettingsError(f"{where}: those of {connector} are known")
        return SHAPES[connector]
    if times not in _TIMES:
        raise SettingsError(
            f"{where} is missing: karrio does not say how {connector} means its stamps",
            mend="Write local for the time of the place, or utc, as the carrier's papers have it.",
        )
    return lambda native, connection: read_details(connection.understand(), is_utc=times == "utc")


ADAPTERS = (
    Adapter(
        carrier="dhl_express",
        make=bridge_to("dhl_express"),
        settings={"site_id": "site id of the XML services"},
        secrets={"password": "of the XML services"},
        operations={Operation.TRACK: Evidence.KARRIO},
        url="https://xmlpi-ea.dhl.com",
        test_url="https://xmlpitest-ea.dhl.com",
    ),
    Adapter(
        carrier="canadapost",
        make=bridge_to("canadapost"),
        settings={"username": "first half of the API key", "language": "en (usual) or fr"},
        secrets={"password": "second half of the API key"},
        optional=frozenset({"language"}),
        operations={Operation.TRACK: Evidence.KARRIO},
        url="https://soa-gw.canadapost.ca",
        test_url="https://ct.soa-gw.canadapost.ca",
    ),
    Adapter(
        carrier="laposte",
        make=bridge_to("laposte"),
        settings={"lang": "fr_FR (usual) or en_US"},
        secrets={"api_key": "key of the application (X-Okapi-Key)"},
        optional=frozenset({"lang"}),
        operations={Operation.TRACK: Evidence.KARRIO},
        url="https://api.laposte.fr/suivi/v2",
    ),
    Adapter(
        carrier=BRIDGE,
        make=bridge_by_setting,
        settings={
            "connector": "whichever of karrio's is installed, as australiapost",
            "times": "how the carrier means its stamps, local or utc; where Waypost does not know it",
        },
        secrets={"connection": "what the connector asks for, a JSON object"},
        optional=frozenset({"times"}),
        operations={Operation.TRACK: Evidence.KARRIO},
        url="",
    ),
)
