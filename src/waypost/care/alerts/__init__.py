"""Alerts: trouble that is found in the network, becomes one alert a subject, and is worked off by people."""
