"""Correios: how orders are written, labels that take their time, errors of single objects, tokens, pushes."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest
from tests.rooms.carriers.orders import BR, order
from tests.rooms.carriers.scripted import Got, Scripted, Told, scripted, told

from waypost.booking.issuing import Issued
from waypost.carriers.correios import Correios
from waypost.model.carriage import Waybill
from waypost.model.errors import BadInput
from waypost.track.carriers import Asked, CarrierRefused, CarrierUnreachable, Forged, Push, Unsupported

SETTINGS = {"user": "usuario1", "card": "0070000001"}
SECRETS = {"access_code": "code", "push_secret": "of-ours"}
ISSUED = Issued(
    waybill=Waybill("correios", "AA000000018BR"),
    reference="T-1",
    carrier_reference="PRaaaaaaaaaaaaaaaaaaaaaa",
    channel="",
)
BOOKED = told({"id": ISSUED.carrier_reference, "codigoObjeto": ISSUED.waybill.number, "statusAtual": 1}, 201)
PDF = b"%PDF-1.4 etiqueta"


@contextmanager
def correios(answer: Callable[[Got], Told], **settings: str) -> Iterator[tuple[Correios, Scripted]]:
    """An account whose tokens are in order."""
    lent = 0

    def all_of_it(got: Got) -> Told:
        nonlocal lent
        if got.path == "/token/v1/autentica/cartaopostagem":
            assert got.headers["authorization"] == "Basic " + base64.b64encode(b"usuario1:code").decode()
            assert got.json == {"numero": "0070000001"}
            lent += 1
            day = {"emissao": "2026-03-18T10:26:51", "expiraEm": "2026-03-19T10:26:51"}
            return told({"token": f"t{lent}", **day}, 201)
        return answer(got)

    with scripted("correios", all_of_it, SETTINGS | settings, SECRETS) as carrier:
        yield Correios(carrier.caller), carrier


def test_an_order_is_written_in_grams_centimetres_and_reais() -> None:
    with correios(lambda got: BOOKED, cnpj="00000000000191") as (post, carrier):
        assert post.book(order(BR)).carrier_reference == ISSUED.carrier_reference
        post.book(order(BR))
    assert carrier.paths().count("POST /prepostagem/v1/prepostagens") == 1
    asked = carrier.got[-1].json
    assert asked["destinatario"] == {
        "nome": "Ana Exemplo",
        "dddCelular": "11",
        "celular": "900000000",
        "endereco": {
            "cep": "01001000",
            "logradouro": "Rua das Flores",
            "numero": "12B",
            "complemento": "ap 4",
            "bairro": "Centro",
            "cidade": "Exemplo",
            "uf": "SP",
        },
    }
    assert asked["remetente"]["cpfCnpj"] == "00000000000191"
    sizes = ("pesoInformado", "comprimentoInformado", "larguraInformada", "alturaInformada")
    assert [asked[name] for name in sizes] == ["1250", "26", "20", "11"]
    assert asked["itensDeclaracaoConteudo"] == [{"conteudo": "book", "quantidade": 2, "valor": 19.9}]


@pytest.mark.parametrize(
    ("phone", "written"),
    [
        ("(11) 3000-0000", {"dddTelefone": "11", "telefone": "30000000"}),
        ("011 90000-0000", {"dddCelular": "11", "celular": "900000000"}),
        ("+551130000000", {"dddTelefone": "11", "telefone": "30000000"}),
        ("190", {}),
        ("", {}),
    ],
)
def test_telephones_are_split_or_left_out(phone: str, written: dict[str, str]) -> None:
    with correios(lambda got: BOOKED) as (post, carrier):
        post.book(order(BR, consignee=msgspec.structs.replace(BR, phone=phone)))
    told = carrier.got[-1].json["destinatario"]
    assert {name: value for name, value in told.items() if "elef" in name or "elul" in name} == written


def test_streets_without_a_number_say_so() -> None:
    with correios(lambda got: BOOKED) as (post, carrier):
        post.book(order(BR, consignee=msgspec.structs.replace(BR, street="Sítio Boa Vista")))
    place = carrier.got[-1].json["destinatario"]["endereco"]
    assert (place["logradouro"], place["numero"]) == ("Sítio Boa Vista", "S/N")


@pytest.mark.parametrize(
    ("refused", "state", "is_well"),
    [
        ({"msgs": ["PPN-100: Não pode ser cancelada."]}, "Postado", False),
        ({"msgs": ["PPN-100: Não pode ser cancelada."]}, "Cancelado", True),
    ],
)
def test_one_that_was_cancelled_before_is_well(refused: dict[str, object], state: str, is_well: bool) -> None:
    def answer(got: Got) -> Told:
        return told(refused, 400) if got.method == "DELETE" else told({"itens": [{"descStatusAtual": state}]})

    with correios(answer) as (post, _):
        if is_well:
            post.cancel(ISSUED, "why")
        else:
            with pytest.raises(CarrierRefused) as caught:
                post.cancel(ISSUED, "why")
            assert caught.value.carrier_code == "PPN-100"


NOT_YET = told({"mensagem": "PPN-291: O rótulo ainda não foi gerado, consulte novamente"})
ANEW = told({"mensagem": "PPN-295: Houve uma falha na geração do rótulo. Gere um novo recibo."})
READY = told({"nome": "etiqueta.pdf", "dados": base64.b64encode(PDF).decode()})


def test_a_label_is_waited_for_and_asked_for_anew() -> None:
    answers = [NOT_YET, (404, NOT_YET[1], NOT_YET[2]), ANEW, NOT_YET, READY]  # type: ignore[index]

    def answer(got: Got) -> Told:
        return told({"idRecibo": "0" * 32}) if got.method == "POST" else answers.pop(0)

    with correios(answer) as (post, carrier):
        assert post.print_label(ISSUED).content == PDF
        assert carrier.clock.pauses == [1, 2, 1]
    assert sum(path.endswith("/rotulo/assincrono/pdf") for path in carrier.paths()) == 2


def test_a_label_that_never_comes_is_given_up() -> None:
    def answer(got: Got) -> Told:
        return told({"idRecibo": "0" * 32}) if got.method == "POST" else NOT_YET

    with correios(answer) as (post, carrier):
        with pytest.raises(CarrierUnreachable, match="PPN-291"):
            post.print_label(ISSUED)
        assert 180 <= sum(carrier.clock.pauses) <= 300


def test_objects_that_are_unknown_do_not_hinder_the_others() -> None:
    objects = [
        {
            "codObjeto": "AA000000018BR",
            "eventos": [
                {
                    "codigo": "BDE",
                    "tipo": "1",
                    "dtHrCriado": "2026-03-11T17:03:00",
                    "unidade": {"tipo": "Unidade", "endereco": {"uf": "AC", "cidade": "EXEMPLO"}},
                },
                {
                    "codigo": "PO",
                    "tipo": "01",
                    "dtHrCriado": "2026-03-10T19:10:36",
                    "unidade": {"codSro": "00600000", "nome": "HONG KONG", "endereco": {}},
                },
            ],
        },
        {"codObjeto": "AA000000021BR", "mensagem": "SRO-020: Objeto não encontrado na base de dados dos Correios."},
    ]
    with correios(lambda got: told({"objetos": objects})) as (post, carrier):
        seen = post.track([Asked(number="AA000000018BR"), Asked(number="AA000000021BR")])
        post.track([Asked(number="AA000000018BR")])
    rows = [(row["code"], row["at"], row["facility"]) for row in seen.rows.table.to_pylist()]
    assert rows == [
        ("BDE01", "2026-03-11T17:03:00", "EXEMPLO AC"),
        ("PO01", "2026-03-10T19:10:36", "00600000"),
    ]
    assert list(seen.unknown) == ["AA000000021BR"]
    assert seen.unknown["AA000000021BR"].startswith("SRO-020")
    assert carrier.got[-1].headers["accept-language"] == "pt-BR"
    assert carrier.paths()[-1] == "GET /srorastro/v1/objetos/AA000000018BR"


@pytest.mark.parametrize(
    "stale",
    [(401, "", b""), (403, "", b""), told({"msgs": ["GTW-008: Token não válido para este ambiente."]}, 400)],
)
def test_old_tokens_are_renewed(stale: Told) -> None:
    answers = [stale, told({"objetos": []})]
    with correios(lambda got: answers.pop(0)) as (post, carrier):
        post.track([Asked(number="AA000000018BR")])
    assert carrier.got[-1].headers["authorization"] == "Bearer t2"


def test_tokens_last_as_long_as_their_stamps_are_apart() -> None:
    with correios(lambda got: told({"objetos": []})) as (post, carrier):
        for later_s in (0, 86_000, 400):
            carrier.clock.now_s += later_s
            post.track([Asked(number="AA000000018BR")])
    bearers = [each.headers["authorization"] for each in carrier.got if "srorastro" in each.path]
    assert bearers == ["Bearer t1", "Bearer t1", "Bearer t2"]


def pushed(payload: object, form: str) -> Push:
    body = json.dumps({"payload": json.dumps(payload)}).encode()
    digest = hmac.new(b"of-ours", body, hashlib.sha256).digest()
    signature = digest.hex() if form == "hex" else "sha256=" + base64.b64encode(digest).decode()
    return Push(headers={"x-correios-signature": signature}, query="", body=body, received_ms=0)


@pytest.mark.parametrize("form", ["hex", "base64"])
@pytest.mark.parametrize(
    "event",
    [
        {"codigoObjeto": "AA000000018BR", "tpEvento": "BDE-1", "dtEvento": "2026-03-11T17:03:00"},
        {"codObjeto": "AA000000018BR", "codigo": "BDE", "tipo": "01", "dtHrCriado": "2026-03-11T17:03:00"},
    ],
)
def test_pushes(form: str, event: dict[str, str]) -> None:
    push = pushed(event, form)
    with correios(lambda got: None, push_digest=form) as (post, _):
        (row,) = post.read(push).rows.table.to_pylist()
        with pytest.raises(Forged):
            post.read(msgspec.structs.replace(push, body=push.body + b" "))
        with pytest.raises(BadInput):
            post.read(pushed("no object", form))
    assert (row["number"], row["code"], row["at"]) == ("AA000000018BR", "BDE01", "2026-03-11T17:03:00")


def test_what_is_not_offered_says_so() -> None:
    with correios(lambda got: None) as (post, _):
        with pytest.raises(Unsupported):
            post.subscribe([Asked(number="AA000000018BR")])
        with pytest.raises(Unsupported):
            post.book(order(BR, cod_minor=100))
