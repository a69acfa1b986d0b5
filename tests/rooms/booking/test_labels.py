"""Labels that carriers push: verified, sealed, and there for who prints them."""

from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest
from sqlalchemy import select

from waypost.access.sealing import KEY_BYTES, Seal
from waypost.booking.issuing import Label, PushedLabel
from waypost.booking.labels import Labels
from waypost.booking.records import labels
from waypost.model.carriage import Waybill
from waypost.model.errors import NotFound, StoreDamaged, WaypostError
from waypost.store.memory import memory_records
from waypost.store.protocols import Records
from waypost.track.carriers import Forged, Push, Reply
