"""Send a file of scans (NDJSON, see docs/reference/scan-format.md) to a server, with nothing but the standard library.

KEY=wp_... python examples/send_scans.py http://127.0.0.1:8400 scans.ndjson
"""

import itertools
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

BATCH_ROWS = 10_000
ATTEMPTS = 5


def send(address: str, key: str, lines: list[bytes]) -> dict[str, Any]:
    """Send some lines and return what became of them. Sending again is safe: a scan is known by its content."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    request = urllib.request.Request(f"{address}/v1/scans?wait=5", b"".join(lines), headers, method="POST")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            problem = json.load(error)
            if problem["code"] == "all_refused":
                return {"accepted": 0, "refused": len(problem["refusals"]), "refusals": problem["refusals"]}
            if error.code not in (429, 503) or attempt == ATTEMPTS:
                sys.exit(f"{problem['detail']}: {problem['mend']}")
            time.sleep(int(error.headers.get("Retry-After", "1")))
    raise AssertionError


def main() -> int:
    """Send the file batch by batch; 1 if a row was refused."""
    address, path = sys.argv[1].rstrip("/"), Path(sys.argv[2])
    accepted = refused = first = 0
    with path.open("rb") as file:
        while lines := list(itertools.islice(file, BATCH_ROWS)):
            receipt = send(address, os.environ["KEY"], lines)
            accepted, refused = accepted + receipt["accepted"], refused + receipt["refused"]
            for refusal in receipt["refusals"]:
                line = first + refusal["row"] + 1
                print(f"{path.name}:{line} {refusal['field']}: {refusal['reason']}", file=sys.stderr)
            first += len(lines)
    print(f"{accepted} accepted, {refused} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
