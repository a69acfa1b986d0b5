"""Another program's way in, over HTTP: for merchants, carriers and operators. docs/reference/python.md tells more."""

from waypost.client.orders import Address, Item, Order, PlannedParcel
from waypost.client.problems import Problem, Unreachable, Unreadable
from waypost.client.waypost import Waypost
from waypost.client.webhooks import Untrue, verify

__all__ = [
    "Address",
    "Item",
    "Order",
    "PlannedParcel",
    "Problem",
    "Unreachable",
    "Unreadable",
    "Untrue",
    "Waypost",
    "verify",
]
