"""Parties: who ships, who receives, who carries."""

from enum import StrEnum

import msgspec


class PartyKind(StrEnum):
    """What a party is to the network."""

    MERCHANT = "merchant"
    CARRIER = "carrier"
    OPERATOR = "operator"
    CONSIGNEE = "consignee"


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Someone who takes part. Names and addresses of people are personal data and never enter the scan log."""

    id: str
    kind: PartyKind
    name: str
