"""Waypost: an open logistics network."""
