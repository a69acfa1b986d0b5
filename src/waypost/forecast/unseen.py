"""What of an order nobody has seen: a promise cannot rest on words that no parcel had, and says so."""

import pyarrow as pa

from waypost.forecast.trips import Trips

#: The region and the area of one end.
End = tuple[str, str]


class Seen:
    """The words of trips, but of void ones."""

    def __init__(self, trips: Trips) -> None:
        table = trips.table.filter(pa.array(~trips.is_void))
        self.services = set(table.column("service").unique().to_pylist())
        self._regions: dict[str, set[str | None]] = {}
        self._countries: dict[str, set[str]] = {}
        self._areas: dict[str, set[tuple[str | None, str | None]]] = {}
        for end in ("origin", "destination"):
            places = table.select([f"{end}_region", f"{end}_area"]).group_by([f"{end}_region", f"{end}_area"])
            found = places.aggregate([]).to_pylist()
            self._areas[end] = {(each[f"{end}_region"], each[f"{end}_area"]) for each in found}
            self._regions[end] = {region for region, _ in self._areas[end]}
            self._countries[end] = {(region or "")[:2] for region in self._regions[end]}

    def list_unknown(self, service: str, origin: End, destination: End) -> list[str]:
        """Which words no trip had, such as `carrier` and `destination.city`; empty ones are left out."""
        found = ["carrier"] if service and service not in self.services else []
        for end, (region, area) in (("origin", origin), ("destination", destination)):
            country, _, province = region.partition("-")
            if country and country not in self._countries[end]:
                found.append(f"{end}.country")
            if province and region not in self._regions[end]:
                found.append(f"{end}.province")
            if area and (region, area) not in self._areas[end]:
                found.append(f"{end}.city")
        return found
