"""Scans in; parcel state, milestones, timelines and live aggregates out."""
