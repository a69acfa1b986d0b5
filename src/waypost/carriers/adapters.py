"""The adapters that there are: ours, and those of other packages, by entry points of the group `waypost.carriers`."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from waypost.booking.issuing import LabelReader, WaybillIssuer
from waypost.carriers.accounts import Account
from waypost.carriers.best import Best
from waypost.carriers.cainiao import Cainiao
from waypost.carriers.calling import Caller, Hours
from waypost.carriers.correios import Correios
from waypost.carriers.jt import Jt
from waypost.carriers.neutral import Neutral
from waypost.carriers.sf import Sf
from waypost.carriers.sto import Sto
from waypost.carriers.usps import Usps
from waypost.carriers.yto import Yto
from waypost.carriers.yunda import Yunda
from waypost.carriers.zto import Zto
from waypost.model.errors import SettingsError
from waypost.track.carriers import PushReader, TrackSource

GROUP = "waypost.carriers"


class Evidence(StrEnum):
    """How well it is known how a carrier's operation is called. No live host was asked for any of it."""

    VENDOR = "vendor"  #: by the carrier's own package, document or published example
    TWO_SOURCES = "two sources"  #: by two open clients that agree
    ONE_SOURCE = "one source"  #: by one open client
    UNVERIFIED = "unverified"  #: by nothing that could be checked: sources differ, or it was inferred


class Operation(StrEnum):
    """What a carrier can be asked."""

    BOOK = "book"
    CANCEL = "cancel"
    PRINT = "print"
    TRACK = "track"
    SUBSCRIBE = "subscribe"
    PUSH = "push"


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """How Waypost speaks with a carrier.

    Attributes:
        carrier: by whose name it is known; that of an account's carrier, or what the account has as `adapter`.
        make: of a caller, the object that answers `WaybillIssuer`, `TrackSource` and `PushReader`, as far as
            `operations` goes.
        settings: what an account needs, and what that is; `secrets` what nobody may see. A setting may be given for one
            interface alone, behind a full stop, where the carrier gives one for each.
        test_url, url: where the carrier's API is; "" if it has none, and then an account has none.
        optional: of both, what an account may be without; `push_needs` those of them without which no push is believed.
    """

    carrier: str
    make: Callable[[Caller], Any]
    settings: Mapping[str, str]
    secrets: Mapping[str, str]
    operations: Mapping[Operation, Evidence]
    url: str = ""
    test_url: str = ""
    optional: frozenset[str] = frozenset()
    push_needs: frozenset[str] = frozenset()


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """An account with the adapter that serves it."""

    account: Account
    adapter: Adapter
    caller: Caller
    issuer: WaybillIssuer | None
    source: TrackSource | None
    reader: PushReader | None
    labels: LabelReader | None


_OURS: tuple[Adapter, ...] = (
    Adapter(
        carrier="yto",
        make=Yto,
        settings={"customer": "customer code (客户编码)", "token": "the six characters in the path of the interface"},
        secrets={"secret": "secret of the interface (客户密钥)"},
        operations={
            Operation.BOOK: Evidence.TWO_SOURCES,
            Operation.CANCEL: Evidence.TWO_SOURCES,
            Operation.PRINT: Evidence.TWO_SOURCES,
            Operation.TRACK: Evidence.TWO_SOURCES,
            Operation.SUBSCRIBE: Evidence.ONE_SOURCE,
            Operation.PUSH: Evidence.UNVERIFIED,
        },
        url="https://openapi.yto.net.cn:11443/open",
        test_url="https://openuat.yto56test.com:6443/open",
    ),
    Adapter(
        carrier="zto",
        make=Zto,
        settings={
            "app_key": "key of the application, which its pushes name as company_id",
            "account_id": "electronic waybill account (电子面单账号)",
            "customer_id": "of a group customer (partner_type 1), in place of account_id",
            "partner_type": "1 group customer, 2 other (2 if not given)",
            "order_type": "1 by standing arrangement, 2 by appointment with a number (2 if not given)",
            "cod_account": "where what is collected at the door is paid to",
            "digest": "md5, sha256 or hmac_sha256, as the console has it (md5 if not given)",
            "base64": "whether digests are base64 and not hexadecimal digits: true or false (true if not given)",
            "use_timestamp": "whether the time is sent and signed: true or false (false if not given)",
        },
        secrets={
            "app_secret": "secret of the application",
            "hmac_key": "key of hmac_sha256, which is not the app_secret",
            "account_password": "of the electronic waybill account",
        },
        optional=frozenset(
            {
                *("account_id", "customer_id", "partner_type", "order_type", "cod_account"),
                *("digest", "base64", "use_timestamp", "hmac_key", "account_password"),
            }
        ),
        operations={
            Operation.BOOK: Evidence.TWO_SOURCES,
            Operation.CANCEL: Evidence.ONE_SOURCE,
            Operation.PRINT: Evidence.ONE_SOURCE,
            Operation.TRACK: Evidence.TWO_SOURCES,
            Operation.SUBSCRIBE: Evidence.ONE_SOURCE,
            Operation.PUSH: Evidence.ONE_SOURCE,
        },
        url="https://japi.zto.com",
        test_url="https://japi-test.zto.com",
    ),
    Adapter(
        carrier="sto",
        make=Sto,
        settings={
            "from_appkey": "key of the application",
            "from_code": "code of the application",
            "order_source": "source of the orders (订单来源; from_code if not given)",
            "order_type": "01 normal, 02 dispatch, for booking and cancelling alike (01 if not given)",
            "site_code": "code of the outlet",
            "customer_name": "the customer's name at the outlet",
            "month_customer_code": "of dispatch orders that are paid by the month",
            "battery": "10 not known, 20 with, 30 without (10 if not given)",
            "goods_type": "STO's kind of goods (小件 if not given)",
            "push_from": "what pushes have as from_appkey and from_code (sto_trace_platform if not given: unverified)",
        },
        secrets={"secret": "secretKey of the application", "site_pwd": "the customer's password at the outlet"},
        optional=frozenset(
            {"order_source", "order_type", "month_customer_code", "battery", "goods_type", "push_from"},
        ),
        operations={
            Operation.BOOK: Evidence.TWO_SOURCES,
            Operation.CANCEL: Evidence.ONE_SOURCE,
            Operation.TRACK: Evidence.TWO_SOURCES,
            Operation.SUBSCRIBE: Evidence.ONE_SOURCE,
            Operation.PUSH: Evidence.ONE_SOURCE,
        },
        url="https://cloudinter-linkgateway.sto.cn/gateway/link.do",
        test_url="http://cloudinter-linkgatewaytest.sto.cn/gateway/link.do",
    ),
    Adapter(
        carrier="yunda",
        make=Yunda,
        settings={"app_key": "key of the application", "partner_id": "electronic waybill account"},
        secrets={"app_secret": "secret of the application", "secret": "password of the electronic waybill account"},
        operations={
            Operation.BOOK: Evidence.TWO_SOURCES,
            Operation.CANCEL: Evidence.TWO_SOURCES,
            Operation.TRACK: Evidence.TWO_SOURCES,
            Operation.SUBSCRIBE: Evidence.UNVERIFIED,
            Operation.PUSH: Evidence.UNVERIFIED,
        },
        url="https://openapi.yundaex.com",
        test_url="https://u-openapi.yundasys.com",
    ),
    Adapter(
        carrier="usps",
        make=Usps,
        settings={
            "client_id": "consumer key of the application",
            "crid": "customer registration id (CRID)",
            "mid": "mailer id (MID)",
            "account_number": "number of the payment account",
            "manifest_mid": "mailer id of the manifest, if another one",
            "account_type": "EPS (usual) or another kind of payment account",
            "scope": "scopes to ask for; all of the application's without it",
            "tracking": "v3r2 (usual, 35 at once) or v3 (one by one)",
            "rate_indicator": "SP (usual) or another one",
            "processing_category": "MACHINABLE (usual), NONSTANDARD or another one",
            "listener_url": "where USPS is to push to, https",
            "admin_email": "whom USPS tells when it cannot",
        },
        secrets={
            "client_secret": "consumer secret of the application",
            "push_secret": "32 characters of your own, by which USPS signs its pushes",
        },
        optional=frozenset(
            {
                "crid",
                "mid",
                "account_number",
                "manifest_mid",
                "account_type",
                "scope",
                "tracking",
                "rate_indicator",
                "processing_category",
                "listener_url",
                "admin_email",
                "push_secret",
            }
        ),
        push_needs=frozenset({"push_secret"}),
        operations={
            Operation.BOOK: Evidence.VENDOR,
            Operation.CANCEL: Evidence.VENDOR,
            Operation.PRINT: Evidence.VENDOR,
            Operation.TRACK: Evidence.TWO_SOURCES,
            # The verification of a listener is not public.
            Operation.SUBSCRIBE: Evidence.ONE_SOURCE,
            Operation.PUSH: Evidence.ONE_SOURCE,
        },
        url="https://apis.usps.com",
        test_url="https://apis-tem.usps.com",
    ),
    Adapter(
        carrier="correios",
        make=Correios,
        settings={
            "user": "user of Meu Correios (usuário)",
            "card": "number of the posting card (cartão de postagem)",
            "service": "code of the usual service; 03298 (PAC) without it",
            "cnpj": "taxpayer number of the sender (CNPJ or CPF)",
            "push_digest": "how pushes are signed: hex (usual) or base64; unverified",
        },
        secrets={
            "access_code": "access code to the APIs (código de acesso)",
            "push_secret": "of your own, by which Correios signs its pushes",
        },
        optional=frozenset({"service", "cnpj", "push_digest", "push_secret"}),
        push_needs=frozenset({"push_secret"}),
        operations={
            Operation.BOOK: Evidence.VENDOR,
            Operation.CANCEL: Evidence.VENDOR,
            Operation.PRINT: Evidence.TWO_SOURCES,
            Operation.TRACK: Evidence.VENDOR,
            Operation.PUSH: Evidence.UNVERIFIED,
        },
        url="https://api.correios.com.br",
        test_url="https://apihom.correios.com.br",
    ),
    Adapter(
        carrier="sf",
        make=Sf,
        settings={
            "partner_id": "customer code (顾客编码)",
            "mode": "how requests are signed: standard_md5 (usual), simple_md5 or sm3 (unverified)",
            "monthly_card": "monthly account (月结卡号)",
            "push_format": "json (usual) or form, as chosen for the push of routes",
        },
        secrets={
            "checkword": "check word (校验码)",
            "push_key": "of your own, behind ?key= in the address that SF pushes to",
        },
        optional=frozenset({"mode", "monthly_card", "push_format", "push_key"}),
        push_needs=frozenset({"push_key"}),
        operations={
            Operation.BOOK: Evidence.VENDOR,
            Operation.CANCEL: Evidence.ONE_SOURCE,
            Operation.TRACK: Evidence.TWO_SOURCES,
            Operation.PUSH: Evidence.VENDOR,
        },
        url="https://bspgw.sf-express.com/std/service",
        test_url="https://sfapi-sbox.sf-express.com/std/service",
    ),
    Adapter(
        carrier="best",
        make=Best,
        settings={
            "partner_id": "partnerID (合作商编码)",
            "customer": "name of the customer; the sender's without it",
            "country": "number by which BEST calls the country",
        },
        secrets={"partner_key": "partnerKey (密钥)"},
        optional=frozenset({"customer", "country"}),
        operations={
            Operation.BOOK: Evidence.TWO_SOURCES,
            Operation.CANCEL: Evidence.ONE_SOURCE,
            Operation.PRINT: Evidence.TWO_SOURCES,
            Operation.TRACK: Evidence.VENDOR,
            Operation.PUSH: Evidence.TWO_SOURCES,
        },
        url="http://edi-q9.ns.800best.com/kd/api/process",
        test_url="http://kdtest.800best.com/kd/api/process",
    ),
    Adapter(
        carrier="cainiao",
        make=Cainiao,
        settings={
            "token": "logistic_provider_id (资源编码或授权 token)",
            "cp_code": "courier that lends the numbers, as STO",
            "user_id": "user of the application",
            "template_url": "template of the paper",
            "to_code": "to_code, where one is asked for",
        },
        secrets={"secret": "appSecret (密钥)"},
        optional=frozenset({"to_code"}),
        operations={
            Operation.BOOK: Evidence.TWO_SOURCES,
            Operation.CANCEL: Evidence.TWO_SOURCES,
            Operation.PRINT: Evidence.TWO_SOURCES,
        },
        url="http://link.cainiao.com/gateway/link.do",
        test_url="http://linkdaily.tbsandbox.com/gateway/link.do",
    ),
    Adapter(
        carrier="jtexpress",
        make=Jt,
        settings={"api_account": "apiAccount", "uuid": "of the test console, at its host alone"},
        secrets={"private_key": "privateKey (私钥)"},
        optional=frozenset({"uuid"}),
        operations={Operation.TRACK: Evidence.TWO_SOURCES},
        url="https://openapi.jtexpress.com.cn/webopenplatformapi/api",
        test_url="https://uat-openapi.jtexpress.com.cn/webopenplatformapi/api",
    ),
    Adapter(
        carrier="neutral",
        make=Neutral,
        settings={},
        secrets={
            "secret": "of your own, base64 behind whsec_, by which the carrier signs its pushes",
            "old_secret": "the one before it, while the carrier changes over",
        },
        optional=frozenset({"secret", "old_secret"}),
        push_needs=frozenset({"secret"}),
        operations={Operation.PUSH: Evidence.VENDOR},
    ),
)


def list_adapters() -> dict[str, Adapter]:
    """By carrier. One from elsewhere takes the place of ours.

    Raises:
        SettingsError: a package names an adapter that cannot be loaded; says which.
    """
    found = {adapter.carrier: adapter for adapter in _OURS}
    for point in entry_points(group=GROUP):
        adapter = _load(point)
        found[adapter.carrier] = adapter
    return found


def open_contract(
    account: Account, hours: Hours | None = None, adapters: Mapping[str, Adapter] | None = None
) -> Contract:
    """An account, ready to be used.

    Raises:
        SettingsError: there is no adapter for its carrier, or the account lacks a setting or has a strange one.
    """
    known = list_adapters() if adapters is None else adapters
    wanted = account.adapter or account.carrier
    adapter = known.get(wanted)
    if adapter is None:
        raise SettingsError(
            f"[accounts.{account.name}] carrier: there is no adapter for {wanted!r}",
            mend=f'There are: {", ".join(sorted(known))}. A carrier without an API has adapter = "neutral".',
        )
    _check(account, adapter)
    caller = Caller(account, hours)
    made, can = adapter.make(caller), adapter.operations
    return Contract(
        account=account,
        adapter=adapter,
        caller=caller,
        issuer=made if Operation.BOOK in can else None,
        source=made if Operation.TRACK in can else None,
        reader=made if Operation.PUSH in can and adapter.push_needs <= account.secrets.keys() else None,
        labels=made if isinstance(made, LabelReader) else None,
    )


def _check(account: Account, adapter: Adapter) -> None:
    if bool(account.url) != bool(adapter.url):
        why = f"has no url: {adapter.url}" if adapter.url else "has a url, and its adapter calls nobody"
        raise SettingsError(f"[accounts.{account.name}] {why}")
    for told, known, what in (
        (account.settings, adapter.settings, "setting"),
        (account.secrets, adapter.secrets, "secret"),
    ):
        if strange := sorted({name.split(".")[0] for name in told} - known.keys()):
            raise SettingsError(f"[accounts.{account.name}] {strange[0]} is no {what} of {account.carrier}")
        for name, meaning in known.items():
            if (
                name not in told
                and name not in adapter.optional
                and not any(each.startswith(f"{name}.") for each in told)
            ):
                raise SettingsError(f"[accounts.{account.name}] has no {name}: {meaning}")


def _load(point: EntryPoint) -> Adapter:
    try:
        adapter = point.load()
    except Exception as error:
        raise SettingsError(f"the adapter {point.name} of {point.value} cannot be loaded: {error!r}") from error
    if not isinstance(adapter, Adapter):
        raise SettingsError(f"{point.value}, which {point.name} names, is no Adapter")
    return adapter
