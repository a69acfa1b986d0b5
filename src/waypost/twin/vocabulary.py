"""How each carrier of the imagined world says what happened: its codes, and its words for the note.

The codes are those of the carriers' own interfaces; what they mean stands in the tables of the room `track`. A status
for which a carrier has no code is reported by the network, in the unified code.
"""

_CHINESE = {
    "picked_up": "【{here}】已揽收",
    "arrived_at_hub": "快件到达【{here}】",
    "departed_from_hub": "快件离开【{here}】，发往【{there}】",
    "in_transit": "快件在【{here}】转寄",
    "arrived_at_destination": "快件到达【{here}】，即将派送",
    "out_for_delivery": "【{here}】快递员正在派送",
    "delivered": "已签收，签收人：本人",
    "signed_by_third_party": "已签收，签收人：门卫",
    "delivery_to_locker": "快件已存入【{here}】，请凭取件码领取",
    "delivery_attempted": "派送未成功，预约再次派送",
    "refused": "收件人拒收",
    "address_issue": "地址有误，正在核实",
    "exception": "快件滞留，正在处理",
    "return_initiated": "快件退回发件人",
    "in_return_transit": "退件运输中，【{here}】",
    "returned_to_sender": "退件已签收",
    "customs_declared": "【{here}】出口清关中",
    "customs_released": "【{here}】出口清关完成",
    "transferred_to_carrier": "快件已交承运商，单号 {also}",
}
_ENGLISH = {
    "order_created": "Origin post is preparing shipment",
    "arrived_at_hub": "Arrived at {here}",
    "departed_from_hub": "Departed {here}",
    "in_transit": "Processed through {here}",
    "customs_declared": "Inbound into customs",
    "customs_held": "Clearance delay",
    "customs_released": "Inbound out of customs",
    "clearance_completed": "Customs clearance",
    "arrived_at_destination": "Arrived at post office",
    "out_for_delivery": "Out for delivery",
    "delivered": "Delivered",
    "signed_by_third_party": "Delivered to agent",
    "delivery_attempted": "Notice left",
    "recipient_unavailable": "Not home",
    "awaiting_pickup": "Available for pickup",
    "address_issue": "No such number",
    "damaged": "Visible damage",
    "return_initiated": "Unclaimed, return to sender",
}
_PORTUGUESE = {
    "arrived_at_hub": "Objeto recebido na {here}",
    "departed_from_hub": "Objeto em transferência de {here} para {there}",
    "customs_declared": "Encaminhado para fiscalização aduaneira",
    "customs_inspection": "Em análise pela fiscalização aduaneira",
    "customs_held": "Aguardando pagamento",
    "customs_duty_paid": "Pagamento confirmado",
    "customs_released": "Fiscalização aduaneira finalizada, liberado",
    "clearance_completed": "Fiscalização aduaneira concluída",
    "notice": "Despacho postal pago",
    "arrived_at_destination": "Objeto na unidade de distribuição",
    "out_for_delivery": "Objeto saiu para entrega ao destinatário",
    "delivered": "Objeto entregue ao destinatário",
    "recipient_unavailable": "Carteiro não atendido",
    "awaiting_pickup": "Objeto aguardando retirada na {here}",
    "address_issue": "Endereço incorreto",
    "damaged": "Objeto avariado",
    "lost": "Objeto não localizado",
    "return_initiated": "Objeto devolvido ao remetente",
}

_SPOKEN = {"usps": _ENGLISH, "correios": _PORTUGUESE}

_CODES = {
    "yto": {
        "picked_up": "GOT",
        "arrived_at_hub": "ARRIVAL",
        "departed_from_hub": "DEPARTURE",
        "in_transit": "FORWARDING",
        "out_for_delivery": "SENT_SCAN",
        "delivery_to_locker": "INBOUND",
        "delivered": "SIGNED",
        "delivery_attempted": "FAILED",
        "return_initiated": "TMS_RETURN",
    },
    "sto": {
        "picked_up": "收件",
        "arrived_at_hub": "到件",
        "departed_from_hub": "发件",
        "in_transit": "转邮",
        "out_for_delivery": "派件",
        "delivery_to_locker": "柜机代收",
        "delivered": "签收",
        "exception": "问题件",
        "address_issue": "改地址件",
        "return_initiated": "退回件",
        "transferred_to_carrier": "intl:GOT",
    },
    "zto": {
        "picked_up": "GOT",
        "arrived_at_hub": "ARRIVAL",
        "departed_from_hub": "DEPARTURE",
        "out_for_delivery": "DISPATCH",
        "delivery_to_locker": "INBOUND",
        "delivered": "SIGNED",
        "signed_by_third_party": "7",
        "exception": "PROBLEM",
        "return_initiated": "RETURN_SCAN",
        "returned_to_sender": "RETURN_SIGNED",
    },
    "best": {
        "picked_up": "收件",
        "arrived_at_hub": "到件",
        "departed_from_hub": "发件",
        "out_for_delivery": "派件",
        "delivered": "签收",
        "exception": "问题件",
        "return_initiated": "退件",
    },
    "yunda": {
        "picked_up": "GOT",
        "arrived_at_hub": "ARRIVAL",
        "departed_from_hub": "DEPARTURE",
        "out_for_delivery": "SENT",
        "delivery_to_locker": "INBOUND",
        "delivered": "SIGNED",
        "delivery_attempted": "SIGNFAIL",
        "exception": "ISSUE",
        "refused": "REJECTION",
        "return_initiated": "RETURN",
        "customs_declared": "CLEARANCE_START",
        "customs_released": "CLEARANCE_FINISH",
        "transferred_to_carrier": "TRANSFER",
    },
    "cainiao": {
        "picked_up": "00",
        "arrived_at_hub": "01",
        "departed_from_hub": "02",
        "arrived_at_destination": "03",
        "out_for_delivery": "04",
        "exception": "05",
        "refused": "06",
        "delivered": "07",
        "return_initiated": "08",
        "in_return_transit": "10",
        "returned_to_sender": "11",
    },
    "usps": {
        "order_created": "NP",
        "arrived_at_hub": "AR",
        "departed_from_hub": "D2",
        "in_transit": "10",
        "customs_declared": "CI",
        "customs_held": "CD",
        "customs_released": "CO",
        "clearance_completed": "B1",
        "arrived_at_destination": "07",
        "out_for_delivery": "DG",
        "delivered": "01",
        "signed_by_third_party": "17",
        "delivery_attempted": "02",
        "recipient_unavailable": "NH",
        "awaiting_pickup": "14",
        "address_issue": "21",
        "damaged": "12",
        "return_initiated": "27",
    },
    "correios": {
        "arrived_at_hub": "PAR16",
        "departed_from_hub": "RO01",
        "customs_declared": "PAR21",
        "customs_inspection": "PAR12",
        "customs_held": "PAR11",
        "customs_duty_paid": "PAR31",
        "customs_released": "PAR34",
        "clearance_completed": "PAR10",
        "notice": "PAR27",
        "arrived_at_destination": "BDE15",
        "out_for_delivery": "OEC01",
        "delivered": "BDE01",
        "recipient_unavailable": "BDE20",
        "awaiting_pickup": "LDI01",
        "address_issue": "BDE19",
        "damaged": "BDE13",
        "lost": "BDE80",
        "return_initiated": "BDE21",
    },
}

#: Codes that no table knows: carriers send such ones without a word.
UNKNOWN_CODES = (("zto", "SORTING_2"), ("yto", "WEIGHT_CHECK"), ("usps", "ZZ"), ("sto", "称重复核"))


def find_code(carrier: str, status: str) -> str | None:
    """The carrier's code for a status, or None if it has none."""
    return _CODES[carrier].get(status)


def say(carrier: str, status: str, here: str, there: str, also: str) -> str | None:
    """What the carrier writes beside the code, or None: `here` and `there` are facilities, `also` a further number."""
    words = _SPOKEN.get(carrier, _CHINESE).get(status)
    return None if words is None else words.format(here=here, there=there, also=also)
