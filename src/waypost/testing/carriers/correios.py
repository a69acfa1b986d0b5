"""A strict fake of the APIs of Correios: token, pre-posting, label, SRO tracking and the pushes of `wh-rastro`.

How Correios signs its pushes and what stands in them is not public: this fake signs the hexadecimal HMAC-SHA256 of the
body and names the fields as the readers in the open expect them, both unverified.
"""

import base64
import binascii
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

_ZONE = ZoneInfo("America/Sao_Paulo")
_DAY_MS = 24 * 3_600_000
_PDF = write_pdf("fake label of Correios")
_NUMBER = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")
_DIGITS = re.compile(r"[0-9]+")
_SERVICES = {"03220": "SEDEX", "03298": "PAC"}
_STATES = {"AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR"}
_STATES |= {"RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO"}
_PLACES = {"SAO PAULO": "SP", "BRASILIA": "DF", "RIO BRANCO": "AC"}
_LANGUAGES = ("pt-BR", "en", "es-ES")
_MEASURES = ("pesoInformado", "alturaInformada", "larguraInformada", "comprimentoInformado")
_WORDS = {
    "PO01": "Objeto postado",
    "RO01": "Objeto em transferência - por favor aguarde",
    "OEC01": "Objeto saiu para entrega ao destinatário",
    "BDE01": "Objeto entregue ao destinatário",
    "BDE20": "Carteiro não atendido",
    "BDE23": "Objeto devolvido ao remetente",
}
_SENDER = Address(
    name="Remetente D'Ávila",
    country="BR",
    province="SP",
    city="São Paulo",
    county="Sé",
    street="Praça da Sé, 1",
    phone="1130000000",
    postcode="01001000",
)


class FakeCorreios(Fake):
    """See `Fake`. Its numbers are those of S10, `AA000000014BR`.

    Attributes:
        expired_status: with which it says that a token is old: 403, where most would say 401.
        made_status: of a pre-posting that was made; 200 by the manual, 201 by its users.
        label_polls: how often it says that a label is not ready.
        fails_labels: it says of the next labels that they went wrong; one less each time.
        foreign: numbers of other customers.
    """

    name: ClassVar[str] = "correios"
    has_tokens: ClassVar[bool] = True
    repeats: ClassVar[tuple[Repeat, ...]] = (Repeat.ANOTHER,)
    sample: ClassVar[Sample] = Sample(
        sender=_SENDER,
        consignee=Address(
            name="Destinatário <A>",
            country="BR",
            province="AC",
            city="Rio Branco",
            county="Centro",
            street="Rua “A&B”, 10",
            phone="6832000000",
            postcode="69900901",
        ),
        currency="BRL",
        cities=("SAO PAULO", "BRASILIA", "RIO BRANCO"),
    )

    def __init__(
        self,
        *,
        user: str = "usuario1",
        secret: str = "code-of-the-fake",
        card: str = "0070000001",
        contract: str = "9912000001",
        apis: tuple[int, ...] = (5, 34, 35, 36, 78, 87, 534),
        push_secret: str = "of-the-fake",
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.user, self.secret, self.card, self.contract, self.apis = user, secret, card, contract, apis
        self.push_secret = push_secret
        self.expired_status, self.made_status, self.label_polls, self.fails_labels = 403, 200, 1, 0
        self.foreign: set[str] = set()
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self._tokens: dict[str, tuple[int, bool]] = {}
        self._posted: dict[str, tuple[str, dict[str, Any]]] = {}
        self._receipts: dict[str, tuple[tuple[str, ...], int]] = {}

    def account(self) -> Mapping[str, str]:
        """See `Fake`."""
        return {
            "user": self.user,
            "access_code": self.secret,
            "card": self.card,
            "push_secret": self.push_secret,
        }

    def answer(self, asked: Asked) -> Told:
        """See `Fake`."""
        steps = asked.path.strip("/").split("/")
        match asked.method, steps:
            case "POST", ["token", "v1", "autentica", *kind] if kind in ([], ["cartaopostagem"], ["contrato"]):
                return self._token(asked, "".join(kind))
            case _, ["prepostagem", "v1" | "v2", "prepostagens", *rest]:
                self._check_token(asked, 36)
                return self._prepost(asked, steps[1], rest)
            case "GET", ["srorastro", "v1", "objetos", *rest] if len(rest) < 2:
                self._check_token(asked, 87)
                return self._track(asked, rest)
            case _, ["webhook", "v1", "servicos", "wh-rastro", "assinaturas", *rest]:
                self._check_token(asked, 78, 534)
                return self._subscriptions(asked, rest)
        raise self._no(asked, 404, "Recurso não encontrado", f"no such call: {asked.method} {asked.path}")

    # Tokens

    def _token(self, asked: Asked, kind: str) -> Told:
        scheme, _, coded = asked.headers.get("authorization", "").partition(" ")
        try:
            user, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise self._no(asked, 401, "Credenciais inválidas", "no Basic of user and access code") from None
        if scheme != "Basic":
            raise self._no(asked, 401, "Credenciais inválidas", "tokens are asked for with Basic")
        if not secret:
            raise self._no(asked, 401, "Senha não foi informada", "the access code is missing")
        if (user, secret) != (self.user, self.secret):
            raise self._no(asked, 401, "Usuário e/ou código de acesso inválidos", "user or access code is wrong")
        if kind:
            given = self._read(asked)
            wanted = self.card if kind == "cartaopostagem" else self.contract
            if not isinstance(given.get("numero"), str) or given["numero"] != wanted:
                raise self._no(asked, 400, f"{kind} inválido", f"numero is not that of the {kind}")
        issued_ms = self.clock() // 1000 * 1000
        token = f"eyJ{uuid.uuid4().hex}.{uuid.uuid4().hex}.fake"
        apis = list(self.apis) if kind else [5]
        self._tokens[token] = (issued_ms + _DAY_MS, bool(kind))
        told: dict[str, Any] = {
            "ambiente": "HOMOLOGACAO",
            "id": self.user,
            "perfil": "PJ",
            "cnpj": "00000000000191",
            "api": apis,
            "emissao": _local(issued_ms),
            "expiraEm": _local(issued_ms + _DAY_MS),
            "token": token,
        }
        if kind == "cartaopostagem":
            told["cartaoPostagem"] = {"numero": self.card, "contrato": self.contract, "dr": 10, "api": apis}
        elif kind:
            told[kind] = {"numero": self.contract, "dr": 10, "api": apis}
        return _json(told, status=201)

    def _check_token(self, asked: Asked, *apis: int) -> None:
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            raise self._no(asked, 401, "GTW-008: Token não válido para este ambiente.", "no good token")
        until_ms, is_of_contract = self._tokens[token]
        if until_ms <= self.clock():
            raise self._old_token(asked)
        if not is_of_contract or not {*apis} <= {*self.apis}:
            raise self._no(asked, 403, "API não autorizada para este token", f"the token is not for API {apis}")

    def _old_token(self, asked: Asked) -> Refused:
        message = "GTW-008: Token não válido para este ambiente."
        return self._no(asked, self.expired_status, message, "the token is more than a day old")

    # Pre-posting and labels

    def _prepost(self, asked: Asked, version: str, rest: list[str]) -> Told:
        match asked.method, version, rest:
            case "POST", "v1", []:
                return self._make(asked)
            case "GET", "v2", []:
                return self._find(asked)
            case "DELETE", "v1", [name]:
                return self._cancel(asked, name)
            case "POST", "v1", ["rotulo", "assincrono", "pdf"]:
                return self._ask_label(asked)
            case "GET", "v1", ["rotulo", "download", "assincrono", receipt]:
                return self._give_label(asked, receipt)
        raise self._no(asked, 404, "Recurso não encontrado", f"no such call: {asked.method} {asked.path}")

    def _make(self, asked: Asked) -> Told:
        given = self._read(asked)
        if given.get("codigoServico") not in _SERVICES:
            raise self._no(asked, 400, "Código de serviço inválido", f"no service {given.get('codigoServico')!r}")
        if given.get("numeroCartaoPostagem", self.card) != self.card:
            raise self._no(asked, 400, "Cartão de postagem inválido", "the card is not that of the token")
        for who in ("remetente", "destinatario"):
            self._check_person(asked, given.get(who), who)
        for part in _MEASURES:
            if not isinstance(given.get(part), str) or not _DIGITS.fullmatch(given[part]) or int(given[part]) == 0:
                raise self._no(asked, 400, f"{part} inválido", f"{part} is a text of whole grams or centimetres")
        if int(given["pesoInformado"]) > 30_000:
            raise self._no(asked, 400, "Peso acima do limite", "Correios carries 30 kg at most")
        if str(given.get("codigoFormatoObjetoInformado")) not in ("1", "2", "3"):
            raise self._no(asked, 400, "Formato inválido", "codigoFormatoObjetoInformado is 1, 2 or 3")
        if given.get("cienteObjetoNaoProibido") not in (1, "1"):
            raise self._no(asked, 400, "Ciência obrigatória", "cienteObjetoNaoProibido has to be 1")
        for part in ("solicitarColeta", "logisticaReversa"):
            if given.get(part, "N") not in ("S", "N"):
                raise self._no(asked, 400, f"{part} inválido", f"{part} is S or N")
        self._check_items(asked, given.get("itensDeclaracaoConteudo"))
        parcel = self.make_another(f"PR{uuid.uuid4().hex[:22]}")
        self._posted[parcel.reference] = (parcel.number, given)
        parcel.is_subscribed = any(one.get("contrato") for one in self.subscriptions.values())
        return _json(self._describe(parcel), status=self.made_status)

    def _check_person(self, asked: Asked, given: Any, who: str) -> None:
        if not isinstance(given, dict) or not str(given.get("nome", "")).strip():
            raise self._no(asked, 400, f"Nome do {who} não informado", f"{who}.nome is missing")
        place = given.get("endereco")
        if not isinstance(place, dict):
            raise self._no(asked, 400, f"Endereço do {who} não informado", f"{who}.endereco is missing")
        if not re.fullmatch(r"[0-9]{8}", str(place.get("cep", ""))):
            raise self._no(asked, 400, "O CEP deve conter 8 dígitos numéricos", f"{who}: the CEP has eight digits")
        for part in ("logradouro", "numero", "bairro", "cidade"):
            if not str(place.get(part, "")).strip():
                raise self._no(asked, 400, f"{part} do {who} não informado", f"{who}.endereco.{part} is missing")
        if place.get("uf") not in _STATES:
            raise self._no(asked, 400, f"UF do {who} inválida", f"{who}: no state {place.get('uf')!r}")
        for area, number, size in (("dddTelefone", "telefone", 8), ("dddCelular", "celular", 9)):
            if number not in given and area not in given:
                continue
            if not re.fullmatch(f"[0-9]{{{size}}}", str(given.get(number))) or not re.fullmatch(
                "[0-9]{2}", str(given.get(area))
            ):
                raise self._no(
                    asked, 400, f"Telefone do {who} inválido", f"{who}.{number} has {size} digits, or is out"
                )
        if "cpfCnpj" in given and not re.fullmatch(r"[0-9]{11}|[0-9]{14}", str(given["cpfCnpj"])):
            raise self._no(asked, 400, f"CPF/CNPJ do {who} inválido", f"{who}.cpfCnpj has 11 or 14 digits, or is out")

    def _check_items(self, asked: Asked, given: Any) -> None:
        if not isinstance(given, list) or not given:
            raise self._no(asked, 400, "Declaração de conteúdo obrigatória", "itensDeclaracaoConteudo is missing")
        for one in given:
            if not isinstance(one, dict) or not one.get("conteudo"):
                raise self._no(asked, 400, "Conteúdo não informado", "an item says what it is in conteudo")
            try:
                if int(one["quantidade"]) < 1 or float(one["valor"]) <= 0:
                    raise ValueError(one)
            except (KeyError, TypeError, ValueError):
                raise self._no(asked, 400, "Item inválido", "an item has quantidade and valor above 0") from None

    def _describe(self, parcel: FakeParcel) -> dict[str, Any]:
        given = self._posted[parcel.reference][1]
        status = "Cancelado" if parcel.is_cancelled else "Postado" if parcel.scans else "Pré-postado"
        now_ms = self.clock()
        return {
            "id": parcel.reference,
            "codigoObjeto": parcel.number,
            "codigoServico": given["codigoServico"],
            "idCorreios": self.user,
            "numeroCartaoPostagem": self.card,
            "modalidadePagamento": 2,
            "pesoInformado": given["pesoInformado"],
            "statusAtual": 1,
            "descStatusAtual": status,
            "dataHoraStatusAtual": _local(now_ms),
            "dataHora": _local(now_ms),
            "tipoRotulo": "P",
            "tipoObjeto": "Registrado",
            "prazoPostagem": dt.datetime.fromtimestamp(now_ms / 1000 + 7 * 86_400, _ZONE).strftime("%d/%m/%Y"),
            "remetente": given["remetente"],
            "destinatario": given["destinatario"],
            "itensDeclaracaoConteudo": given["itensDeclaracaoConteudo"],
        }

    def _find(self, asked: Asked) -> Told:
        name, number = asked.query.get("idPrePostagem"), asked.query.get("codigoObjeto")
        if not name and not number:
            raise self._no(asked, 400, "Informe um filtro", "neither idPrePostagem nor codigoObjeto")
        found = [
            self._describe(self.parcels[code])
            for key, (code, _) in self._posted.items()
            if name in (None, key) and number in (None, code)
        ]
        return _json({"itens": found, "page": {"number": 0, "size": 50, "count": len(found), "totalPages": 1}})

    def _cancel(self, asked: Asked, name: str) -> Told:
        parcel = self._get(asked, name)
        if parcel.is_cancelled:  # in words of our own: how Correios says it is not public
            raise self._no(asked, 400, "PPN: Pré-postagem já cancelada", f"{name} was cancelled")
        if parcel.scans:
            raise self._no(asked, 400, "PPN: Objeto já postado, não pode ser cancelado", f"{name} was posted")
        parcel.is_cancelled = True
        return _json({"resultadoCancelamento": "Cancelamento realizado com sucesso!"})

    def _get(self, asked: Asked, name: Any) -> FakeParcel:
        if name not in self._posted:
            raise self._no(asked, 404, "PPN: Pré-postagem não encontrada", f"no pre-posting {name!r}")
        return self.parcels[self._posted[name][0]]

    def _ask_label(self, asked: Asked) -> Told:
        given = self._read(asked)
        names = given.get("idsPrePostagem")
        if not isinstance(names, list) or not names:
            raise self._no(asked, 400, "idsPrePostagem não informado", "idsPrePostagem is a list of ids")
        for name in names:
            if self._get(asked, name).is_cancelled:
                raise self._no(asked, 400, "PPN: Pré-postagem cancelada", f"{name} was cancelled")
        if given.get("tipoRotulo") not in ("P", "R") or given.get("formatoRotulo") not in ("ET", "EV"):
            raise self._no(asked, 400, "Rótulo inválido", "tipoRotulo is P or R, formatoRotulo is ET or EV")
        if given.get("imprimeRemetente", "S") not in ("S", "N"):
            raise self._no(asked, 400, "imprimeRemetente inválido", "imprimeRemetente is S or N")
        for receipt, (others, _) in self._receipts.items():  # asking anew puts all of them at the end of the queue
            if set(others) & set(names):
                self._receipts[receipt] = (others, 0)
        receipt = uuid.uuid4().hex
        self._receipts[receipt] = (tuple(names), 0)
        return _json({"idRecibo": receipt})

    def _give_label(self, asked: Asked, receipt: str) -> Told:
        if receipt not in self._receipts:
            raise self._no(asked, 404, "Recibo não encontrado", f"no receipt {receipt}")
        names, polls = self._receipts[receipt]
        if polls < self.label_polls:
            self._receipts[receipt] = (names, polls + 1)
            return _json(
                {"mensagem": f"PPN-291: O rótulo do recibo {receipt} ainda não foi gerado, consulte novamente"}
            )
        if self.fails_labels:
            self.fails_labels -= 1
            del self._receipts[receipt]
            return _json({"mensagem": "PPN-295: Houve uma falha na geração do rótulo. Gere um novo recibo."})
        return _json({"nome": "etiqueta.pdf", "dados": base64.b64encode(_PDF).decode()})

    # Tracking

    def _track(self, asked: Asked, rest: list[str]) -> Told:
        language = asked.headers.get("accept-language")
        if language not in _LANGUAGES or any("language" in name.lower() for name in asked.query):
            message = "SRO-018: Idioma inválido. Informe pt-BR, en ou es-ES no cabeçalho Accept-Language."
            raise self._no(asked, 400, message, f"Accept-Language is {language!r}")
        wanted = asked.query.get("resultado", "U")
        if wanted not in ("T", "U"):
            raise self._no(asked, 400, "SRO: resultado inválido", "resultado is T or U")
        if rest:
            numbers = rest
        else:
            pairs = parse_qsl(asked.raw_query, keep_blank_values=True)
            numbers = [one for name, text in pairs if name == "codigosObjetos" for one in text.split(",")]
        if not 1 <= len(numbers) <= 50:
            raise self._no(asked, 400, "SRO: informe de 1 a 50 objetos", f"{len(numbers)} numbers: at most 50")
        return _json(
            {
                "versao": "1.8.7",
                "quantidade": len(numbers),
                "objetos": [self._object(number, wanted) for number in numbers],
                "resultado": "Todos os Eventos" if wanted == "T" else "Último Evento",
            }
        )

    def _object(self, number: str, wanted: str) -> dict[str, Any]:
        if not _NUMBER.fullmatch(number) or number[10] != str(_check_digit(number[2:10])):
            return {"codObjeto": number, "mensagem": "SRO-019: Objeto inválido"}
        if number in self.foreign:
            return {"codObjeto": number, "mensagem": "SRO-009: Objeto não pertence ao contrato"}
        parcel = self.parcels.get(number)
        if parcel is None or not parcel.scans:
            message = "SRO-020: Objeto não encontrado na base de dados dos Correios."
            return {"codObjeto": number, "mensagem": message}
        scans = sorted(parcel.scans, key=lambda scan: -scan.at_ms)
        return {
            "codObjeto": number,
            "tipoPostal": {"sigla": number[:2], "descricao": "ENCOMENDA SEDEX (ETIQ LOGICA)", "categoria": "SEDEX"},
            "dtPrevista": _local(parcel.scans[0].at_ms + 5 * _DAY_MS),
            "modalidade": "F",
            "peso": 0.5,
            "formato": "Pacote",
            "eventos": [self._event(scan) for scan in (scans if wanted == "T" else scans[:1])],
        }

    def _event(self, scan: FakeScan) -> dict[str, Any]:
        code, kind = _split(scan.code)
        unit = {
            "tipo": "Unidade de Tratamento" if code in ("RO", "DO") else "Unidade de Distribuição",
            "endereco": {"uf": _PLACES.get(scan.city, "SP"), "cidade": scan.city},
        }
        event = {
            "codigo": code,
            "tipo": kind,
            "dtHrCriado": _local(scan.at_ms),
            "descricao": _WORDS.get(scan.code, "Objeto em tratamento"),
            "unidade": unit,
        }
        if code == "RO":
            event["unidadeDestino"] = {
                "tipo": "Unidade de Tratamento",
                "endereco": {"uf": "AC", "cidade": "RIO BRANCO"},
            }
        if code == "OEC":
            event["detalhe"] = "Aguarde no endereço indicado\r\n"
        return event

    # Subscriptions and pushes

    def _subscriptions(self, asked: Asked, rest: list[str]) -> Told:
        match asked.method, rest:
            case "GET", []:
                return _json(list(self.subscriptions.values()))
            case "POST", []:
                return self._subscribe(asked, self._read(asked))
            case "POST", [name, "contratos"] if name in self.subscriptions:
                if self._read(asked).get("numero") != self.contract:
                    raise self._no(asked, 400, "Contrato inválido", "numero is not that of the contract")
                self.subscriptions[name]["contrato"] = self.contract
                for parcel in self.parcels.values():
                    parcel.is_subscribed = True
                return _json({"id": name, "numero": self.contract}, status=201)
            case "GET", [name, "eventos"] if name in self.subscriptions:
                return _json([])
        raise self._no(asked, 404, "Assinatura não encontrada", f"no such: {asked.method} {asked.path}")

    def _subscribe(self, asked: Asked, given: dict[str, Any]) -> Told:
        places = given.get("enderecos")
        if not given.get("descricao") or not given.get("email") or not isinstance(places, list) or not places:
            raise self._no(asked, 400, "Assinatura inválida", "descricao, email or enderecos is missing")
        for place in places:
            if not isinstance(place, dict) or not str(place.get("url", "")).startswith("https://"):
                raise self._no(asked, 400, "URL inválida", "an address has an url that begins with https")
            if not place.get("nome") or not place.get("secret"):
                raise self._no(asked, 400, "Endereço inválido", "an address has nome and secret")
            kinds = place.get("tipoEventos")
            if not isinstance(kinds, list) or not kinds:
                raise self._no(asked, 400, "Tipo de evento inválido", "tipoEventos is a list")
            for kind in kinds:
                if not isinstance(kind, dict) or not re.fullmatch(r"[A-Z]{2,4}-[1-9][0-9]?", str(kind.get("tipo"))):
                    raise self._no(asked, 400, "Tipo de evento inválido", f"a type is as BDE-1, not {kind!r}")
        name = str(len(self.subscriptions) + 1)
        shown = [{part: place[part] for part in ("nome", "url", "tipoEventos")} for place in places]
        self.subscriptions[name] = {"id": name, "descricao": given["descricao"], "enderecos": shown}
        self.push_secret = places[0]["secret"]
        return _json(self.subscriptions[name], status=201)

    def write_push(self, parcel: FakeParcel, scans: list[FakeScan]) -> Asked:
        """See `Fake`: one scan. What is signed, and how, is unverified."""
        (scan,) = scans
        code, kind = _split(scan.code)
        event = f"{code}-{int(kind)}"
        payload = {
            "codigoObjeto": parcel.number,
            "tipoEvento": event,
            "descricao": _WORDS.get(scan.code, "Objeto em tratamento"),
            "dtEvento": _local(scan.at_ms),
        }
        body = json.dumps({"id": str(uuid.uuid4()), "payload": json.dumps(payload, ensure_ascii=False)}).encode()
        signed = hmac.new(self.push_secret.encode(), body, hashlib.sha256).hexdigest()
        return Asked(
            method="POST",
            path="",
            query={},
            headers={
                "content-type": "application/json",
                "x-correios-signature": signed,
                "x-correios-hook-event": event,
            },
            body=body,
        )

    def is_thanked(self, status: int, body: bytes) -> bool:
        """See `Fake`."""
        return status == 200

    def write_number(self, count: int) -> str:
        """See `Fake`."""
        return f"AA{count:08d}{_check_digit(f'{count:08d}')}BR"

    def over_quota(self) -> Told:
        """See `Fake`: without a word."""
        return Told(
            status=429,
            body=b"",
            headers={"x-ratelimit-replenish-rate": "50", "x-ratelimit-burst-capacity": "55"},
        )

    def expired(self) -> Told:
        """See `Fake`: all tokens that it gave."""
        self._tokens = {token: (0, is_of_contract) for token, (_, is_of_contract) in self._tokens.items()}
        asked = Asked(method="GET", path="/srorastro/v1/objetos", query={}, headers={}, body=b"")
        return self._old_token(asked).told

    # How it says no

    def _read(self, asked: Asked) -> dict[str, Any]:
        if "application/json" not in asked.headers.get("content-type", ""):
            raise self._no(asked, 415, "Tipo de mídia não suportado", "the content type is not application/json")
        try:
            found = json.loads(asked.body)
        except ValueError:
            raise self._no(asked, 400, "JSON inválido", "the body is no JSON") from None
        if not isinstance(found, dict):
            raise self._no(asked, 400, "JSON inválido", "the body is no object")
        return found

    def _no(self, asked: Asked, status: int, message: str, why: str) -> Refused:
        told = {"msgs": [message], "date": _local(self.clock()), "method": asked.method, "path": asked.path}
        return Refused(_json(told, status=status), why)


def _split(code: str) -> tuple[str, str]:
    """`codigo` and `tipo` of `BDE01`."""
    return code[:-2], code[-2:]


def _check_digit(serial: str) -> int:
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(serial, (8, 6, 4, 2, 3, 5, 9, 7), strict=True)) % 11
    return {10: 0, 11: 5}.get(rest, rest)


def _json(value: Any, *, status: int = 200) -> Told:
    return Told(body=json.dumps(value, ensure_ascii=False).encode(), status=status)


def _local(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000, _ZONE).strftime("%Y-%m-%dT%H:%M:%S")
