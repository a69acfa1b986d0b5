"""Mail to consignees goes out beside the server: one thread hands over what is due, as fast as it may."""

import threading
import time
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from waypost.app.settings import Mail, Settings
from waypost.care.consignees import Consignees
from waypost.care.mail_terms import MailTerms
from waypost.care.notices import Notice, Notices, NoticeState
from waypost.care.posting import Fate, Letter, Posted, Postman
from waypost.care.tally import MailStanding, Tally
from waypost.model.errors import SettingsError, WaypostError
from waypost.web.letters import Letterhead
from waypost.web.smtp import Relay, SmtpPostman

#: How often it is looked whether anything is due.
_DUE_S = 1.0
_TROUBLE_S = 15.0
_PATIENCE_S = 10.0
#: After a mail server could not be reached, it is left alone for so long, and then ever longer.
FIRST_HOLD_S, LAST_HOLD_S = 10.0, 600.0


class Mailing:
    """Runs until it is stopped. A mail that is cut off then is sent again after the next start, under the same id.

    Args:
        per_minute: so many mails the server is given.
        tally: counts what came of tries.
    """

    def __init__(
        self,
        notices: Notices,
        consignees: Consignees,
        terms: MailTerms,
        postman: Postman,
        per_minute: int,
        clock: Callable[[], int],
        journal: FilteringBoundLogger,
        tally: Tally,
        first_hold_s: float = FIRST_HOLD_S,
    ) -> None:
        self._notices = notices
        self._consignees = consignees
        self._terms = terms
        self._postman = postman
        self._pace_s = 60 / per_minute
        self._clock = clock
        self._journal = journal
        self._tally = tally
        self._first_hold_s = first_hold_s
        self._held = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="send mail", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def get_standing(self) -> MailStanding:
        """How far behind it is, and what came of tries since it began."""
        return MailStanding(
            sent=self._tally.delivered,
            failed=self._tally.failed,
            dead=self._tally.dead,
            seconds=self._tally.seconds,
            waiting=self._notices.count_waiting(),
            is_held=self._held > 0,
        )

    def stop(self) -> None:
        """Send nothing more."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE_S)

    def _go_on(self) -> None:
        pause_s = 0.0
        while not self._stopping.wait(pause_s):
            try:
                pause_s = self._send_due()
            except Exception as error:  # what is due stays due
                self._tell_trouble("mail is held up", error)
                pause_s = _TROUBLE_S
        self._postman.rest()

    def _send_due(self) -> float:
        """Send the first that is due; how long there is nothing to do then, in seconds.

        One at a time: what is behind it may be overtaken while this one is sent.
        """
        self._notices.give_up(self._clock())
        due = self._notices.list_due(self._clock(), 1)
        if not due:
            self._postman.rest()
            return _DUE_S
        [notice] = due
        begun_s = time.monotonic()
        letter = self._draft(notice)
        if isinstance(letter, str):
            self._write_down(notice, Posted(status=None, why=letter, fate=Fate.NEVER))
            return 0.0
        posted = self._postman.post(letter)
        if posted.fate is Fate.HELD:  # it is not this mail's fault, so nothing is noted of it
            return self._hold(posted)
        self._held = 0
        self._write_down(notice, posted)
        if posted.fate is Fate.NOBODY:
            self._terms.note_nobody(letter.to, self._clock())
        return max(self._pace_s - (time.monotonic() - begun_s), 0.0)

    def _draft(self, notice: Notice) -> Letter | str:
        try:
            return self._consignees.draft_letter(notice)
        except WaypostError as error:  # it does not open, perhaps: the others go on
            self._tell_trouble("a mail cannot be written", error)
            return error.message

    def _write_down(self, notice: Notice, posted: Posted) -> None:
        state = self._notices.note(notice, posted, self._clock())
        is_dead = state is NoticeState.DEAD
        self._tally.count(posted, is_dead=is_dead)
        if is_dead:
            self._journal.warning("a mail was given up", notice=notice.id, answer=posted.status)

    def _hold(self, posted: Posted) -> float:
        pause_s = min(self._first_hold_s * float(2 ** min(self._held, 10)), LAST_HOLD_S)
        self._held += 1
        self._tally.count(posted, is_dead=False)
        self._postman.rest()
        self._journal.error("no mail goes out", why=posted.why, again_s=pause_s)
        return pause_s

    def _tell_trouble(self, what: str, error: Exception) -> None:
        if isinstance(error, WaypostError):
            self._journal.error(what, why=str(error))
        else:
            self._journal.error(what, exc_info=error)


def letterhead_of(settings: Settings) -> Letterhead:
    """What all letters have in common."""
    mail, site = settings.mail, settings.site
    return Letterhead(network=site.name, url=site.url.rstrip("/"), sender=mail.sender, reply_to=mail.reply_to)


def relay_of(mail: Mail) -> Relay:
    """The mail server of the settings.

    Raises:
        SettingsError: the file with the password cannot be read.
    """
    return Relay(
        host=mail.host,
        port=mail.port,
        tls=mail.tls,
        timeout_s=mail.timeout_s,
        user=mail.user,
        password=mail.read_password(),
        ca_file=mail.ca_file,
    )


def open_postman(settings: Settings, clock: Callable[[], int]) -> SmtpPostman:
    """Who sends by the mail server of the settings.

    Raises:
        SettingsError: there is none, or a file of it cannot be read.
    """
    settings.mail.check_served()
    try:
        return SmtpPostman(relay_of(settings.mail), letterhead_of(settings), clock)
    except OSError as error:  # of SSL, too
        where = f"[mail] ca_file: {settings.mail.ca_file}"
        raise SettingsError(f"{where} holds no certificates in PEM: {error}") from None
