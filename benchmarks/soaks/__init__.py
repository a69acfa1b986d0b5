"""Scans at one rate for long, and what is noted meanwhile."""
