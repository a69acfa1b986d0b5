"""Ask the history of a home, while a server may be running on it: how long parcels are under way, by carrier.

python examples/read_history.py [HOME]
"""

import sys
from typing import Any

import ibis

import waypost


def hours_under_way(scans: Any) -> Any:
    """For each carrier its parcels of two or more scans, and the median hours from the first to the last of them."""
    parcels = scans.group_by("carrier", "number").aggregate(first=scans.at.min(), last=scans.at.max())
    moved = parcels.filter(parcels.last > parcels["first"])
    hours = (moved.last.epoch_seconds() - moved["first"].epoch_seconds()) / 3600
    carriers = moved.group_by("carrier").aggregate(parcels=moved.count(), median_h=hours.median())
    return carriers.order_by(ibis.desc("parcels"), "carrier")


def main() -> None:
    """Print a line for each carrier."""
    with waypost.open_house(sys.argv[1] if len(sys.argv) > 1 else None) as house:
        for row in house.memory.history.run(hours_under_way).to_pylist():
            print(f"{row['carrier']:<16} {row['parcels']:>9,} parcels  {row['median_h']:>8.1f} h")


if __name__ == "__main__":
    main()
