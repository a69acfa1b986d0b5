"""The page by which a consignee ends the mail of a merchant. Whoever has the link may; it has to be asked for twice.

Programs that look at links before people do only read the page, so only a POST ends anything: that of its button, or
that which a mail program sends for one click (RFC 8058).
"""

from fastapi import FastAPI, Request, Response

from waypost.web.office import Office
from waypost.web.pages.paper import Paper, language_of

_PATH = "/mail/stop/{token}"


def add_mail_pages(app: FastAPI, office: Office, paper: Paper) -> None:
    """The page and its button."""
    terms = office.desk.post.terms

    @app.get(_PATH, include_in_schema=False)
    async def show_stop(request: Request, token: str) -> Response:
        _, merchant, _ = await office.lookups.run(terms.read_stop, token)
        return _answer(request, merchant, is_done=False)

    @app.post(_PATH, include_in_schema=False)
    async def stop(request: Request, token: str) -> Response:
        async with office.body(request.scope, request.receive, office.limits.form_bytes):
            pass  # whatever it says, it says no more than the link does
        _, merchant, _ = await office.lookups.run(terms.read_stop, token)
        await office.intake.run(terms.stop, token, office.desk.clock())
        return _answer(request, merchant, is_done=True)

    def _answer(request: Request, merchant: str, *, is_done: bool) -> Response:
        language = language_of(request)
        answer = paper.answer("mail_stop.html", language, request, merchant=merchant, is_done=is_done)
        answer.headers["x-robots-tag"] = "noindex"
        answer.headers["referrer-policy"] = "no-referrer"
        return answer
