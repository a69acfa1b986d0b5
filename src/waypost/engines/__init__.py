"""Machines that answer the protocols of `store`."""
