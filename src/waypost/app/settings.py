"""Settings: one file, the environment over it, flags over both.

The file is `waypost.toml` in the home folder, or wherever `WAYPOST_CONFIG` says. A setting `port` of the section
`[serve]` is `WAYPOST_SERVE_PORT` in the environment. What is unknown or out of range is refused by name.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from waypost.carriers.accounts import read_secret
from waypost.feeds.asking import check_address
from waypost.model.carriers import CARRIER_CODE
from waypost.model.decoding import convert
from waypost.model.errors import BadInput, SettingsError
from waypost.model.guarded import Guarded
from waypost.model.instants import get_zone
from waypost.web.desk import Limits, Site
from waypost.web.letters import parse_sender
from waypost.web.openid import Provider

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class Serve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens. Anything but loopback is for a network that you trust, or behind a TLS proxy."""

    host: str = "127.0.0.1"
    port: Port = 8400


class OwnCarrier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A carrier of this network that Waypost does not know, or knows otherwise."""

    zone: str | None = None  #: the IANA zone of its stamps without an offset


class Track(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How codes are read, and how long what comes of them is kept."""

    tables: Path | None = None  #: a folder with own code tables, one CSV file a carrier
    overview_age_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 10.0  #: how old the overview may be
    scorecards_age_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 300.0  #: how old scorecards may be
    lanes_age_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0  #: how old what is told of lanes may be
    capacities: Path | None = None  #: a CSV file: how many parcels facilities can take in within an hour
    push_days: Annotated[float, msgspec.Meta(ge=0, le=36_525)] = 30.0  #: what carriers hand in is kept; 0: for ever


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How our own labels are printed, where a carrier leaves that to its customers."""

    size: Literal["100x150", "100x180"] = "100x150"  #: millimetres
    font: Path | None = None  #: a font file for what ours has not, such as Chinese; without one, Debian's is looked for
    bold: Path | None = None  #: the same in bold
    phone_digits: Literal[0, 4, 6] = 4  #: of telephone numbers that are hidden
    mask_names: bool = False  #: hide names but for the first character


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much memory the home may take, and how long the log keeps scans that history has."""

    states_mb: Annotated[int, msgspec.Meta(ge=1, le=1 << 20)] = 1024  #: for the states of parcels, while indexing
    history_mb: Annotated[int, msgspec.Meta(ge=64, le=1 << 20)] = 1024  #: for questions to history
    log_days: Annotated[float, msgspec.Meta(ge=0, le=36_525)] = 0.0  #: a segment of the log goes after; 0: never
    log_gb: Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] = 0.0  #: the oldest go beyond; 0: never
    archive: Path | None = None  #: the folder that they go to; without one they are removed


class Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How merchants are told what becomes of their parcels."""

    allow_http: bool = False  #: addresses without TLS too
    allow_private: bool = False  #: addresses in private networks and of this machine too, at any port
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=25)] = 15.0  #: for one message, all of it
    at_once: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 64  #: messages under way at one time
    retry_hours: Annotated[float, msgspec.Meta(ge=0, le=720)] = 24.0  #: so long one is tried
    keep_days: Annotated[float, msgspec.Meta(gt=0, le=3650)] = 30.0  #: what was told can be sent once more


class Mail(Guarded, frozen=True, forbid_unknown_fields=True):
    """The mail server by which consignees are told what becomes of their parcels; none without a host."""

    SHOWN: ClassVar[tuple[str, ...]] = ("host", "port", "tls", "ca_file", "sender", "reply_to")

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: Path | None = None  #: certificates to believe instead of the system's
    user: str = ""
    password: str = ""
    password_file: Path | None = None
    sender: str = msgspec.field(name="from", default="")  #: `Name <address>`, or an address
    reply_to: str = ""
    per_minute: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 60
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 30.0  #: for one mail, all of it
    retry_hours: Annotated[float, msgspec.Meta(ge=0, le=720)] = 24.0  #: so long one is tried
    news_hours: Annotated[float, msgspec.Meta(gt=0, le=720)] = 12.0  #: what happened longer ago is not told
    keep_days: Annotated[float, msgspec.Meta(ge=1, le=3650)] = 30.0  #: what was told is shown

    def read_password(self) -> str:
        """The password, "" if there is none.

        Raises:
            SettingsError: its file cannot be read.
        """
        if self.password_file is None:
            return self.password
        return read_secret(str(self.password_file), "[mail] password_file")

    def check_served(self) -> None:
        """See that there is a mail server.

        Raises:
            SettingsError: there is none.
        """
        if not self.host:
            raise SettingsError("there is no mail server: [mail] host is empty", mend="docs/how-to/mail-consignees.md")

    def check(self) -> None:
        """See what the shape of these settings does not tell.

        Raises:
            SettingsError: says which is wrong, and never what is secret.
        """
        for name, text in (("from", self.sender), ("reply_to", self.reply_to)):
            if text or (name == "from" and self.host):
                try:
                    parse_sender(text)
                except BadInput as error:
                    raise SettingsError(f"[mail] {name} {error.message}") from None
        if self.password and self.password_file is not None:
            raise SettingsError("[mail] has password and password_file: one of them is enough")
        if self.tls == "none" and self.user and self.host not in _LOOPBACK:
            raise SettingsError(
                "[mail] user and password would cross the network unencrypted", mend='Take tls = "starttls" or "tls".'
            )
        if self.ca_file is not None and not self.ca_file.is_file():
            raise SettingsError(f"[mail] ca_file: {self.ca_file} is no file")


class Sorting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which parcels get sort codes from here, where their carrier gives none."""

    carriers: tuple[str, ...] = ()  #: codes of carriers
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.9  #: below this confidence a person is asked


class Forecast(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Promises."""

    age_min: Annotated[float, msgspec.Meta(ge=1, le=1440)] = 30.0  #: what they know of what was lately so is newer


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is worth an alert. `critical_parcels` and those below it are of the parcels that one hits."""

    every_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 60.0  #: how often it is looked for trouble; 0: never
    ends_after_min: Annotated[float, msgspec.Meta(ge=0, le=10_080)] = 30.0  #: not found for so long, one is over
    least_parcels: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 3  #: fewer late ones are no alert
    critical_parcels: Annotated[int, msgspec.Meta(ge=1, le=100_000_000)] = 200  #: so many make one critical
    unknown_scans: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 20  #: with one code that no table knows, in a day
    weather_hours: Annotated[float, msgspec.Meta(ge=1, le=240)] = 24.0  #: so far ahead foul weather is told
    hub_load: Annotated[float, msgspec.Meta(gt=0, le=10)] = 1.0  #: share of what a hub can take in an hour
    lane_slower: Annotated[float, msgspec.Meta(gt=1, le=100)] = 1.5  #: times as long as usual
    lane_parcels: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 30  #: in a day; lanes with fewer are not looked at
    keep_days: Annotated[float, msgspec.Meta(ge=1, le=3650)] = 180.0  #: after one ended


class Weather(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Open-Meteo is, or what speaks as it does; nobody is asked without an address."""

    url: str = ""  #: of forecasts
    archive_url: str = ""  #: of what was
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 20.0  #: for one question, all of it


class Roads(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who knows how far it is by road; great circles without a service."""

    service: Literal["none", "osrm", "valhalla"] = "none"
    url: str = ""  #: where it is
    profile: str = ""  #: OSRM's profile, Valhalla's costing; empty: `driving`, `auto`
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 20.0  #: for one question, all of it


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long what is kept of people lasts."""

    order_days: Annotated[float, msgspec.Meta(ge=0, le=36_525)] = 1095.0  #: after an order ended; 0: for ever
    proof_days: Annotated[float, msgspec.Meta(ge=0, le=36_525)] = 365.0  #: of delivery, after it came; 0: as the order
    page_days: Annotated[float, msgspec.Meta(gt=0, le=3650)] = 30.0  #: a consignee's page, after the parcel arrived


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long people who have logged in stay so."""

    idle_hours: Annotated[float, msgspec.Meta(gt=0, le=8760)] = 2.0  #: a session that is not used for so long ends
    session_hours: Annotated[float, msgspec.Meta(gt=0, le=8760)] = 12.0  #: after so long it ends anyhow
    invitation_hours: Annotated[float, msgspec.Meta(gt=0, le=8760)] = 72.0  #: a link for a password works so long
    openid: Provider | None = None  #: another provider that says who people are


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings, with what holds if nothing is said."""

    home: Path
    serve: Serve = Serve()
    site: Site = Site()
    limits: Limits = Limits()
    track: Track = Track()
    store: Store = Store()
    labels: Labels = Labels()
    webhooks: Webhooks = Webhooks()
    mail: Mail = Mail()
    sorting: Sorting = Sorting()
    forecast: Forecast = Forecast()
    alerts: Alerts = Alerts()
    weather: Weather = Weather()
    roads: Roads = Roads()
    retention: Retention = Retention()
    login: Login = Login()
    carriers: dict[str, OwnCarrier] = {}
    accounts: dict[str, dict[str, Any]] = {}  #: read by `carriers.accounts`; what they hold depends on the carrier


_SECTIONS: tuple[str, ...] = (
    *("serve", "site", "limits", "track", "store", "labels", "webhooks", "mail", "sorting", "forecast"),
    *("alerts", "weather", "roads", "retention", "login"),
)
#: What may stand in an address as it is.
PROFILE = re.compile(r"[A-Za-z0-9_-]{0,40}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
#: Variables that are no settings: where the file is, which server is asked by which key, and what the tests need.
_OTHER = ("WAYPOST_CONFIG", "WAYPOST_URL", "WAYPOST_KEY", "WAYPOST_TEST_DATA")


def default_home(environ: Mapping[str, str]) -> Path:
    """The folder that holds all state if nobody names one."""
    data = environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(data) / "waypost"


def read_settings(environ: Mapping[str, str] = os.environ, *, home: Path | None = None, **flags: Any) -> Settings:
    """The settings in force.

    Args:
        environ: the environment.
        home: a flag that names the home folder.
        flags: further settings as `section__name`; None leaves what file and environment say.

    Raises:
        SettingsError: names the setting, where it stands, and what is wrong with it.
    """
    folder = _expand(home or Path(environ.get("WAYPOST_HOME") or default_home(environ))).absolute()
    named = environ.get("WAYPOST_CONFIG")
    file = _expand(Path(named)) if named else folder / "waypost.toml"
    values = _read_file(file, must_exist=named is not None)
    _overlay_environment(values, environ)
    for flag, value in flags.items():
        section, _, name = flag.partition("__")
        if value is not None:
            values.setdefault(section, {})[name] = value
    values["home"] = str(folder)
    try:
        settings = convert(values, Settings, strict=False, dec_hook=_read_path)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"settings: {error}",
            mend=f"It comes from a flag, the environment or {file}; docs/reference/settings.md lists all settings.",
        ) from None
    _check(settings)
    return settings


def _read_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return _expand(Path(value))
    raise TypeError(f"{kind} is no type of a setting")


def _expand(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        raise SettingsError(f"{path}: there is no such user", mend="Write the whole path.") from None


def _read_file(file: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if must_exist:
            raise SettingsError(f"{file}: no such file, though WAYPOST_CONFIG names it") from None
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mend = "It has to be TOML in UTF-8; docs/reference/settings.md shows one."
        raise SettingsError(f"{file}: {error}", mend=mend) from None
    except OSError as error:
        mend = "Name a file that can be read with WAYPOST_CONFIG, or move this one away."
        raise SettingsError(f"{file}: {error.strerror}", mend=mend) from None
    if "home" in values:
        raise SettingsError(f"{file}: the home folder cannot name itself", mend="Use WAYPOST_HOME or --home.")
    return values


def _overlay_environment(values: dict[str, Any], environ: Mapping[str, str]) -> None:
    for variable, text in environ.items():
        if not variable.startswith("WAYPOST_") or variable in (*_OTHER, "WAYPOST_HOME"):
            continue
        section, _, name = variable.removeprefix("WAYPOST_").lower().partition("_")
        if section not in _SECTIONS or not name:
            raise SettingsError(
                f"the environment variable {variable} names no setting", mend=f"Sections: {', '.join(_SECTIONS)}."
            )
        listed = name in ("trusted_proxies", "allowed_hosts") or (section, name) == ("sorting", "carriers")
        value: Any = [part.strip() for part in text.split(",") if part.strip()] if listed else text
        values.setdefault(section, {})[name] = value


def _check(settings: Settings) -> None:
    settings.mail.check()
    services = {"[weather] url": settings.weather.url, "[weather] archive_url": settings.weather.archive_url}
    services |= {"[roads] url": settings.roads.url}
    for name, address in services.items():
        if address or (name == "[roads] url" and settings.roads.service != "none"):
            try:
                check_address(address, name)
            except BadInput as error:
                raise SettingsError(error.message, mend=error.mend) from None
    if not PROFILE.fullmatch(settings.roads.profile):
        raise SettingsError(
            f"[roads] profile: {settings.roads.profile[:40]!r} is none: up to 40 of a-z, A-Z, 0-9, _ and -"
        )
    url = urlsplit(settings.site.url)
    if settings.site.url and (url.scheme not in ("https", "http") or not url.netloc or url.query or url.fragment):
        raise SettingsError(
            f"settings: site.url {settings.site.url[:80]!r} is no address of a site",
            mend="Write it as people have it in their browsers, such as https://parcels.example.",
        )
    if settings.limits.numbers_burst < settings.limits.numbers_at_once:
        raise SettingsError(
            "settings: limits.numbers_burst is less than limits.numbers_at_once, so that a full look-up could never be",
            mend="Raise the one or lower the other.",
        )
    archive = settings.store.archive
    if archive is not None and not archive.is_absolute():  # "" too is a path: that of wherever one stands
        raise SettingsError(
            f"settings: store.archive {str(archive)!r} is no whole path",
            mend="Write it from the root of the file system on, or leave it out if there is none.",
        )
    for code in settings.sorting.carriers:
        if not CARRIER_CODE.fullmatch(code):
            raise SettingsError(f"[sorting] carriers: {code[:40]!r} is no carrier code: up to 32 of a-z, 0-9, _ and -")
    for code, carrier in settings.carriers.items():
        if not CARRIER_CODE.fullmatch(code):
            raise SettingsError(f"[carriers.{code[:40]}]: no carrier code: up to 32 of a-z, 0-9, _ and -")
        if carrier.zone is not None:
            try:
                get_zone(carrier.zone)
            except BadInput as error:
                raise SettingsError(f"[carriers.{code}] zone: {error}") from None
