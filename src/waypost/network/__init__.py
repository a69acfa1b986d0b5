"""Facilities, lanes and timetables, and the ways through them."""
