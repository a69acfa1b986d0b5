"""People and programs: the HTTP API, the tracking page and the operator's pages."""

from waypost.web.application import make_app
from waypost.web.desk import Desk, Health, Limits, Site
from waypost.web.journal import open_journal
from waypost.web.serve import serve

__all__ = ["Desk", "Health", "Limits", "Site", "make_app", "open_journal", "serve"]
