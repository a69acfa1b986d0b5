"""Parties, roles and keys: who may see and do what."""
