"""Ship a sheet of orders: hand it in, book it, print its labels. To run it again is safe, whatever stopped it.

WAYPOST_URL=http://127.0.0.1:8400 WAYPOST_KEY=wp_... python examples/ship_orders.py orders.csv labels.pdf
"""

import hashlib
import sys
from pathlib import Path

from waypost.client import Waypost
from waypost.model.errors import WaypostError


def main() -> int:
    """Ship; 1 if a row was refused or an order not booked."""
    sheet, labels = Path(sys.argv[1]), Path(sys.argv[2])
    with Waypost() as waypost:
        entered = waypost.orders.enter_sheet(sheet)
        for refusal in entered.refusals:
            print(f"{refusal.file}:{refusal.line} {refusal.field}: {refusal.reason}", file=sys.stderr)
        if not entered.entries:
            return 1
        # The same orders under the same key are the same job: nothing is booked twice, and the labels are all of them.
        ids = [entry.id for entry in entered.entries]
        job = waypost.jobs.begin(ids, idempotency_key=hashlib.sha256(" ".join(ids).encode()).hexdigest())
        for progress in waypost.jobs.follow(job.id):
            print(f"{progress.settled} of {progress.orders}", file=sys.stderr)
        booked = 0
        for order in sorted(waypost.orders.list(job=job.id), key=lambda order: order.order.reference):
            if order.state == "booked":
                booked += 1
                print(order.order.reference, *(waybill.number for waybill in order.waybills))
            else:
                print(f"{order.order.reference} is {order.state}: {order.why}", file=sys.stderr)
        if booked:
            waypost.jobs.save_labels(job.id, labels)
    print(f"{booked} booked, their labels in {labels}")
    return 1 if entered.refused or booked < job.orders else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WaypostError as error:
        sys.exit(str(error))
