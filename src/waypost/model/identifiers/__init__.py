"""Numbers of the trade, read and checked: postal items, logistic units, air waybills, containers, carriers' numbers."""

from waypost.model.identifiers.air import ULD as ULD
from waypost.model.identifiers.air import AirWaybill as AirWaybill
from waypost.model.identifiers.air import parse_air_waybill as parse_air_waybill
from waypost.model.identifiers.air import parse_uld as parse_uld
from waypost.model.identifiers.carriers import Match as Match
from waypost.model.identifiers.carriers import detect_carriers as detect_carriers
from waypost.model.identifiers.carriers import list_matches as list_matches
from waypost.model.identifiers.containers import Container as Container
from waypost.model.identifiers.containers import parse_container as parse_container
from waypost.model.identifiers.element_strings import Element as Element
from waypost.model.identifiers.element_strings import list_missing as list_missing
from waypost.model.identifiers.element_strings import parse_element_strings as parse_element_strings
from waypost.model.identifiers.finding import Finding as Finding
from waypost.model.identifiers.finding import identify as identify
from waypost.model.identifiers.gs1 import GTIN as GTIN
from waypost.model.identifiers.gs1 import SSCC as SSCC
from waypost.model.identifiers.gs1 import compute_check_digit as compute_check_digit
from waypost.model.identifiers.gs1 import parse_gtin as parse_gtin
from waypost.model.identifiers.gs1 import parse_sscc as parse_sscc
from waypost.model.identifiers.s10 import S10 as S10
from waypost.model.identifiers.s10 import parse_s10 as parse_s10
