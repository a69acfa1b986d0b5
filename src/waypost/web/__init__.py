"""People and programs: the HTTP API, the tracking page and the operator's pages.

Nothing is handed on here, so that the settings can name `web.desk` without waiting for a web framework.
"""
