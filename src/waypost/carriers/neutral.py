"""Carriers without an API of their own: they push in our format, signed as Standard Webhooks has it.

The body is that of `POST /v1/scans`, a JSON array or one object a line, and so is the answer: a receipt with a refusal
for each row that was not taken. Rows are of the account's carrier, whether they name it or not.
"""

import msgspec

from waypost.carriers.adapter import Adapter, Evidence, Operation
from waypost.carriers.calling import Caller
from waypost.carriers.signatures import is_same
from waypost.model.errors import BadInput, SettingsError, WaypostError
from waypost.model.standard_webhooks import sign_standard
from waypost.track.carriers import Forged, Push, Pushed, Reply
from waypost.track.plain import read_array, read_lines
from waypost.track.reception import Receipt

#: How far the time of a signature may lie from ours, either way.
TOLERANCE_MS = 5 * 60 * 1000
MOST_ROWS = 50_000
_MOST_SIGNATURES = 10
_SECRETS = ("secret", "old_secret")


class Neutral:
    """Reads the pushes of one account, whichever its carrier."""

    def __init__(self, caller: Caller) -> None:
        account = caller.account
        self.carrier = account.carrier
        self._secrets = [account.secret(name) for name in _SECRETS if name in account.secrets]
        try:
            for secret in self._secrets:
                sign_standard("", 0, b"", secret)
        except BadInput as error:
            raise SettingsError(f"[accounts.{account.name}] {error.message}", mend=error.mend) from None

    def read(self, push: Push) -> Pushed:
        """See `PushReader`."""
        self._check(push)
        read = read_array if push.body.lstrip()[:1] == b"[" else read_lines
        rows = read(push.body, MOST_ROWS)
        again = {"accepted": rows.sent, "refused": 0, "refusals": [], "repeated": True}
        return Pushed(rows=rows, reply=Reply(body=msgspec.json.encode(again)), receipt=_tell)

    def refuse(self, error: WaypostError) -> Reply:
        """See `PushReader`."""
        problem = {
            "type": f"urn:waypost:problem:{error.code}",
            "status": error.status,
            "detail": error.message,
            "code": error.code,
            "mend": error.mend or "",
        }
        return Reply(body=msgspec.json.encode(problem), status=error.status, content_type="application/problem+json")

    def _check(self, push: Push) -> None:
        id_, stamp, told = (push.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
        if not (id_ and told and stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
            raise Forged("the push has no webhook-id, webhook-timestamp (Unix seconds) and webhook-signature")
        signatures = [text for text in told.split(" ") if text][:_MOST_SIGNATURES]
        right = [sign_standard(id_, int(stamp), push.body, secret) for secret in self._secrets]
        # all pairs are compared: which of them is right takes no time to tell
        if not any([is_same(signature, each) for signature in signatures for each in right]):
            raise Forged("no webhook-signature is that of id, timestamp and body as they came")
        if abs(int(stamp) * 1000 - push.received_ms) > TOLERANCE_MS:
            raise Forged("webhook-timestamp is more than 5 minutes off")


def _tell(receipt: Receipt) -> Reply:
    """The receipt; 422 if there was nothing good in what was sent."""
    nothing = receipt.refused and not receipt.accepted
    return Reply(body=msgspec.json.encode(receipt), status=422 if nothing else 200)


ADAPTER = Adapter(
    carrier="neutral",
    make=Neutral,
    settings={},
    secrets={
        "secret": "of your own, base64 behind whsec_, by which the carrier signs its pushes",
        "old_secret": "the one before it, while the carrier changes over",
    },
    optional=frozenset({"secret", "old_secret"}),
    push_needs=frozenset({"secret"}),
    operations={Operation.PUSH: Evidence.VENDOR},
    is_called=False,
)
