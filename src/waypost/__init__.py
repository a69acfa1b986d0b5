"""Waypost: an open logistics network. The public names; docs/reference/python.md tells what they do."""

from waypost.app.notebook import find_name, open_house

__all__ = ["__version__", "open_house"]

__getattr__ = find_name
