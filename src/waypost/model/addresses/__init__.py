"""Where people are: postcodes and required fields of countries, telephone numbers, addresses in Chinese free text."""

from waypost.model.addresses.chinese import ChineseAddress as ChineseAddress
from waypost.model.addresses.chinese import parse_chinese_address as parse_chinese_address
from waypost.model.addresses.fields import Addressed as Addressed
from waypost.model.addresses.fields import AddressFault as AddressFault
from waypost.model.addresses.fields import list_address_faults as list_address_faults
from waypost.model.addresses.phones import Phone as Phone
from waypost.model.addresses.phones import mask_phone as mask_phone
from waypost.model.addresses.phones import parse_phone as parse_phone
from waypost.model.addresses.postcodes import parse_postcode as parse_postcode
from waypost.model.addresses.postcodes import requires_postcode as requires_postcode
