"""Correios, the post of Brazil: the APIs of api.correios.com.br that a contract opens.

A token belongs to one posting card (`card`), and a label can be fetched with the card only that it was booked with.
Pre-postings know no reference of ours, so booking twice makes two: see `Booked`. Stamps are Brasília time.

Pushes are unverified: that they are signed with HMAC and hold a text with JSON in it is all that is known, and neither
how the signature is written (`push_digest`: hex or base64) nor the names of their fields are public. Correios pushes
for a whole contract, which is bound in its portal, and not for single objects.
"""

import base64
import datetime as dt
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from waypost.booking.issuing import Address, Issued, Label, WaybillOrder
from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.answers import read, write
from waypost.carriers.booked import Booked
from waypost.carriers.calling import Answer, Call, Caller
from waypost.carriers.money import write_amount
from waypost.carriers.pushes import refuse_by_status
from waypost.carriers.rows import Scan, rows_of, seen_of
from waypost.carriers.signatures import is_same
from waypost.carriers.tokens import Token, Tokens, put_bearer
from waypost.model.carriage import Waybill
from waypost.model.decoding import decode
from waypost.model.errors import BadInput, SettingsError, WaypostError
from waypost.track.carriers import (
    Asked,
    CarrierError,
    CarrierPuzzling,
    CarrierRefused,
    CarrierUnreachable,
    Forged,
    Push,
    Pushed,
    Reply,
    Seen,
    Unsupported,
)

_TOKEN, _BOOK, _CANCEL, _PRINT, _TRACK = "token", "prepostagem", "cancel prepostagem", "rotulo", "srorastro"
_BOOKINGS = "/prepostagem/v1/prepostagens"
_JSON = {"content-type": "application/json", "accept": "application/json"}
#: PAC.
_USUAL_SERVICE = "03298"
_PARCEL = "2"
_LASTS_S = 24 * 3600.0
#: A token of the other environment or an old one, under a status that nobody wrote down.
_STALE = b"GTW-008"
_NOT_YET, _ANEW = ("PPN-291",), ("PPN-295", "PPN-297")
#: A label takes up to three minutes, and asking for it anew sends it to the end of the queue.
_WAITS_S = (1, 2, 3, 5, *(10,) * 20)
_RECEIPTS = 2
#: A street with its number, and what stands behind that.
_STREET = re.compile(r"(?P<street>.+?),\s*(?P<number>\d+\s?[A-Za-z]?|[sS]/?[nN])(?:\s*[,–-]\s*(?P<more>.+))?")
_EVENT_TYPE = re.compile(r"([A-Z]+)-?(\d{1,2})")


class _Lent(msgspec.Struct, frozen=True):
    token: str
    emissao: str | None = None
    expiraEm: str | None = None


class _Refusal(msgspec.Struct, frozen=True):
    """How Correios says no; each of its APIs fills other fields."""

    msgs: list[str] | None = None
    msg: str | None = None
    mensagem: str | None = None
    causa: str | None = None

    @property
    def why(self) -> str:
        return "; ".join(self.msgs or ()) or self.msg or self.mensagem or self.causa or "no reason given"

    @property
    def code(self) -> str | None:
        found = re.match(r"[A-Z]{3}-\d+", self.why)
        return found[0] if found else None


class _Booking(msgspec.Struct, frozen=True):
    id: str
    codigoObjeto: str


class _State(msgspec.Struct, frozen=True):
    descStatusAtual: str | None = None


class _States(msgspec.Struct, frozen=True):
    itens: list[_State] = []


class _Receipt(msgspec.Struct, frozen=True):
    idRecibo: str


class _Print(msgspec.Struct, frozen=True):
    dados: bytes | None = None
    mensagem: str | None = None
    msgs: list[str] | None = None
    msg: str | None = None

    @property
    def why(self) -> str:
        return self.mensagem or "; ".join(self.msgs or ()) or self.msg or "neither a label nor a reason"


class _Unit(msgspec.Struct, frozen=True, gc=False):
    class Where(msgspec.Struct, frozen=True, gc=False):
        cidade: str | None = None
        uf: str | None = None

    codSro: str | None = None
    nome: str | None = None
    endereco: Where | None = None

    @property
    def place(self) -> str | None:
        where = self.endereco
        city = " ".join(part for part in (where.cidade, where.uf) if part) if where else ""
        return self.codSro or self.nome or city or None


class _Event(msgspec.Struct, frozen=True, gc=False):
    codigo: str
    tipo: str
    dtHrCriado: str
    unidade: _Unit | None = None


class _Object(msgspec.Struct, frozen=True):
    codObjeto: str
    eventos: list[_Event] | None = None
    mensagem: str | None = None


class _Objects(msgspec.Struct, frozen=True):
    objetos: list[_Object]


class _Told(msgspec.Struct, frozen=True):
    payload: str


class _Pushed(msgspec.Struct, frozen=True):
    """An event as one receiver expects it, which had not met one yet: hence so many names."""

    codigoObjeto: str | None = None
    codObjeto: str | None = None
    objeto: str | None = None
    codigo: str | None = None
    tipo: str | None = None
    tpEvento: str | None = None
    tipoEvento: str | None = None
    dtEvento: str | None = None
    criadoEm: str | None = None
    dtHrCriado: str | None = None
    unidade: _Unit | None = None

    def scan(self) -> Scan:
        number = self.codigoObjeto or self.codObjeto or self.objeto
        at = self.dtEvento or self.dtHrCriado or self.criadoEm
        if self.codigo and self.tipo:
            code: str | None = f"{self.codigo}{self.tipo:0>2}"
        else:
            event = self.tpEvento or self.tipoEvento or self.tipo
            parts = _EVENT_TYPE.fullmatch(event) if event else None
            code = f"{parts[1]}{parts[2]:0>2}" if parts else event
        return number, code, at, self.unidade.place if self.unidade else None


class Correios:
    """Books, cancels, prints, asks and is pushed at one account, that of one posting card."""

    carrier = "correios"
    most_at_once = 50

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._account = caller.account
        self._tokens = Tokens(
            caller.hours, self._fetch_token, put=put_bearer, send=caller.call, is_stale=_is_token_refused
        )
        self._booked = Booked(caller, is_named=False)

    def book(self, order: WaybillOrder) -> Issued:
        """See `WaybillIssuer`. It is forgotten after seven days unless the parcel is posted."""
        asked = self._draft(order)
        self._tokens.get()
        return self._booked.book(order, _BOOK, lambda: self._book(order, asked))

    def cancel(self, issued: Issued, reason: str) -> None:
        """See `WaybillIssuer`."""
        answer = self._tokens.call(
            Call(
                operation=_CANCEL,
                path=f"{_BOOKINGS}/{quote(issued.carrier_reference, safe='')}",
                method="DELETE",
                headers=_JSON,
                is_repeatable=True,
            )
        )
        if not answer.is_well:
            refused = self._refused(_CANCEL, answer)
            # Nothing public says how one that was cancelled before is answered, so it is looked at.
            if not self._is_cancelled(issued):
                raise refused
        self._booked.take_back(issued)

    def print_label(self, issued: Issued) -> Label:
        """See `WaybillIssuer`. It is made while one waits, up to some minutes."""
        why = ""
        for _ in range(_RECEIPTS):
            told = self._wait_for_label(self._ask_for_label(issued))
            if isinstance(told, Label):
                return told
            why = told
        raise CarrierUnreachable(f"no label: {why}", channel=self._caller.channel(_PRINT), mend="Try again later.")

    def track(self, asked: Sequence[Asked]) -> Seen:
        """See `TrackSource`."""
        query = {"resultado": "T"}
        path = "/srorastro/v1/objetos"
        if len(asked) == 1:
            path += f"/{quote(asked[0].number, safe='')}"
        else:
            query["codigosObjetos"] = ",".join(each.number for each in asked)
        answer = self._tokens.call(
            Call(
                operation=_TRACK,
                path=path,
                method="GET",
                query=query,
                # Without one of its languages it refuses everything (SRO-018).
                headers={"accept": "application/json", "accept-language": "pt-BR"},
                is_repeatable=True,
            )
        )
        channel = self._caller.channel(_TRACK)
        if not answer.is_well:
            raise self._refused(_TRACK, answer)
        scans: list[Scan] = []
        why: dict[str, str] = {}
        for each in read(answer, _Objects, channel).objetos:
            scans += [_scan(each.codObjeto, event) for event in each.eventos or ()]
            if each.mensagem:
                why[each.codObjeto] = self._caller.mask(each.mensagem)
        return seen_of(self.carrier, asked, scans, channel, why)

    def subscribe(self, asked: Sequence[Asked]) -> Mapping[str, str]:
        """See `TrackSource`."""
        raise Unsupported("Correios pushes for a whole contract", mend="Subscribe in its portal, API 78, wh-rastro.")

    def read(self, push: Push) -> Pushed:
        """See `PushReader`. Unverified."""
        given = push.headers.get("x-correios-signature", "").removeprefix("sha256=")
        digest = hmac.digest(self._account.secret("push_secret").encode(), push.body, "sha256")
        form = self._account.get("push_digest", "hex")
        if form not in ("hex", "base64"):
            raise SettingsError(f"[accounts.{self._account.name}] push_digest is hex or base64, not {form[:20]!r}")
        if not is_same(given, digest.hex() if form == "hex" else base64.b64encode(digest).decode()):
            raise Forged("the push is not signed by Correios for this account")
        try:
            payload = decode(push.body, _Told).payload
            told = decode(payload, list[_Pushed] | _Pushed, strict=False)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise BadInput(f"the push cannot be read: {error}") from None
        scans = [each.scan() for each in (told if isinstance(told, list) else [told])]
        return Pushed(rows=rows_of(self.carrier, scans), reply=Reply(body=b"{}"))

    def refuse(self, error: WaypostError) -> Reply:
        """See `PushReader`. Correios reads the status alone."""
        return refuse_by_status(error)

    def _draft(self, order: WaybillOrder) -> dict[str, Any]:
        if order.cod_minor:
            raise Unsupported("cash on delivery at Correios is not known well enough")
        sizes = {
            "alturaInformada": order.height_mm,
            "larguraInformada": order.width_mm,
            "comprimentoInformado": order.length_mm,
        }
        sender = _person("sender", order.sender)
        if taxpayer := self._account.get("cnpj", ""):
            sender["cpfCnpj"] = taxpayer
        return {
            "codigoServico": order.service or self._account.get("service", _USUAL_SERVICE),
            "numeroCartaoPostagem": self._account.get("card"),
            "remetente": sender,
            "destinatario": _person("consignee", order.consignee),
            "itensDeclaracaoConteudo": [
                {"conteudo": item.description, "quantidade": item.quantity}
                | ({"valor": _reais(order, item.value_minor)} if item.value_minor is not None else {})
                for item in order.items
            ],
            "pesoInformado": str(order.weight_g),
            **{name: str(-(-length_mm // 10)) for name, length_mm in sizes.items() if length_mm},
            "codigoFormatoObjetoInformado": _PARCEL,
            "cienteObjetoNaoProibido": 1,
            "solicitarColeta": "N",
            "logisticaReversa": "N",
        }

    def _book(self, order: WaybillOrder, asked: Mapping[str, Any]) -> Issued:
        answer = self._tokens.call(Call(operation=_BOOK, path=_BOOKINGS, headers=_JSON, body=write(asked).encode()))
        if not answer.is_well:
            raise self._refused(_BOOK, answer)
        channel = self._caller.channel(_BOOK)
        booking = read(answer, _Booking, channel)
        return Issued(
            waybill=Waybill(self.carrier, booking.codigoObjeto),
            reference=order.reference,
            carrier_reference=booking.id,
            channel=channel,
        )

    def _is_cancelled(self, issued: Issued) -> bool:
        answer = self._tokens.call(
            Call(
                operation=_CANCEL,
                path="/prepostagem/v2/prepostagens",
                method="GET",
                query={"idPrePostagem": issued.carrier_reference},
                headers={"accept": "application/json"},
                is_repeatable=True,
            )
        )
        if not answer.is_well:
            return False
        try:
            states = read(answer, _States, self._caller.channel(_CANCEL)).itens
        except CarrierPuzzling:
            return False
        # By its words, for the numbers of states differ from source to source.
        return len(states) == 1 and (states[0].descStatusAtual or "").casefold().startswith("cancelad")

    def _ask_for_label(self, issued: Issued) -> str:
        asked = {
            "idsPrePostagem": [issued.carrier_reference],
            "tipoRotulo": "P",
            "formatoRotulo": "ET",
            "imprimeRemetente": "S",
            "layoutImpressao": "PADRAO",
        }
        answer = self._tokens.call(
            Call(
                operation=_PRINT,
                path=f"{_BOOKINGS}/rotulo/assincrono/pdf",
                headers=_JSON,
                body=write(asked).encode(),
                is_repeatable=True,
            )
        )
        if not answer.is_well:
            raise self._refused(_PRINT, answer)
        return read(answer, _Receipt, self._caller.channel(_PRINT)).idRecibo

    def _wait_for_label(self, receipt: str) -> Label | str:
        """The label, or why another receipt is needed."""
        why = ""
        for wait_s in _WAITS_S:
            answer = self._tokens.call(
                Call(
                    operation=_PRINT,
                    path=f"{_BOOKINGS}/rotulo/download/assincrono/{quote(receipt, safe='')}",
                    method="GET",
                    headers={"accept": "application/json"},
                    is_repeatable=True,
                )
            )
            told = read(answer, _Print, self._caller.channel(_PRINT))
            if told.dados:
                return Label(content=told.dados)
            why = self._caller.mask(told.why)
            if why.startswith(_ANEW):
                return why
            if not why.startswith(_NOT_YET):  # the status says nothing: it was seen with 200, 202 and 404
                raise self._refused(_PRINT, answer)
            self._caller.hours.pause(wait_s)
        raise CarrierUnreachable(
            f"the label is not ready yet: {why}", channel=self._caller.channel(_PRINT), mend="Try again later."
        )

    def _fetch_token(self) -> Token:
        user = f"{self._account.get('user')}:{self._account.secret('access_code')}"
        answer = self._caller.call(
            Call(
                operation=_TOKEN,
                path="/token/v1/autentica/cartaopostagem",
                headers={**_JSON, "authorization": f"Basic {base64.b64encode(user.encode()).decode()}"},
                body=write({"numero": self._account.get("card")}).encode(),
                is_repeatable=True,
            )
        )
        if not answer.is_well:
            raise self._refused(_TOKEN, answer)
        lent = read(answer, _Lent, self._caller.channel(_TOKEN))
        self._caller.lend(lent.token)
        return Token(text=lent.token, lasts_s=_lasts_s(lent))

    def _refused(self, operation: str, answer: Answer) -> CarrierError:
        channel = self._caller.channel(operation)
        refusal = read(answer, _Refusal, channel) if answer.body.strip() else _Refusal()
        code = refusal.code or str(answer.status)
        return CarrierRefused(f"refused: {self._caller.mask(refusal.why)}", channel=channel, carrier_code=code)


def _lasts_s(lent: _Lent) -> float:
    """From both stamps, which are of one clock and without a zone: so neither zone nor our clock matters."""
    try:
        ends, begins = dt.datetime.fromisoformat(lent.expiraEm or ""), dt.datetime.fromisoformat(lent.emissao or "")
        return max((ends - begins).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return _LASTS_S


def _scan(number: str, event: _Event) -> Scan:
    place = event.unidade.place if event.unidade else None
    return number, f"{event.codigo}{event.tipo:0>2}", event.dtHrCriado, place


def _person(who: str, address: Address) -> dict[str, Any]:
    if address.country != "BR":
        raise Unsupported(f"{who}: Correios is asked for domestic parcels only")
    street = _STREET.fullmatch(address.street.strip())
    told: dict[str, Any] = {"nome": address.name, "email": address.email, **_phone(address.phone)}
    told["endereco"] = {
        "cep": re.sub(r"\D", "", address.postcode),
        "logradouro": street["street"] if street else address.street,
        "numero": street["number"] if street else "S/N",
        "complemento": (street["more"] if street else None) or "",
        "bairro": address.county,
        "cidade": address.city,
        "uf": address.province,
    }
    return {name: value for name, value in told.items() if value}


def _reais(order: WaybillOrder, minor: int) -> float:
    return float(write_amount(order, minor, "BRL"))


def _phone(phone: str) -> dict[str, str]:
    """Area and number: eight digits are a telephone, nine a mobile one. One that is neither is left out."""
    digits = re.sub(r"\D", "", phone)
    if len(digits) in (12, 13) and digits.startswith("55"):
        digits = digits[2:]
    digits = digits.lstrip("0")
    if len(digits) == 10:
        return {"dddTelefone": digits[:2], "telefone": digits[2:]}
    if len(digits) == 11:
        return {"dddCelular": digits[:2], "celular": digits[2:]}
    return {}


def _is_token_refused(answer: Answer) -> bool:
    return answer.status in (401, 403) or (not answer.is_well and _STALE in answer.body)


ADAPTER = Adapter(
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
)
