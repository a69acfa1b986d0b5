"""Address to sort code: hub, outlet and courier, learnt from past deliveries; unsure ones are left to a person."""

from waypost.booking.sorting.places import DELIVERIES as DELIVERIES
from waypost.booking.sorting.places import PLACES as PLACES
from waypost.booking.sorting.places import place_of as place_of
from waypost.booking.sorting.sorter import ASSIGNED as ASSIGNED
from waypost.booking.sorting.sorter import Sorter as Sorter
