"""Numbers for Prometheus."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from waypost.booking.pools import Pools
from waypost.care.tally import MailStanding, Standing
from waypost.track.outlook import Outlook
from waypost.web.desk import Health

MEDIA_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """What is counted. Routes are counted by their pattern, never by the path asked for."""

    def __init__(
        self,
        health: Callable[[], Health],
        outlook: Outlook,
        pools: Pools,
        telling: Callable[[], Standing],
        mailing: Callable[[], MailStanding] | None,
    ) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "waypost_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "waypost_http_request_seconds",
            "From the first byte of a request to the last of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.problems = Counter("waypost_http_problems", "Problem documents sent.", ("code",), registry=self._registry)
        self.accepted = Counter("waypost_scans_accepted", "Scans on disk.", registry=self._registry)
        self.refused = Counter("waypost_scans_refused", "Scans that were not taken.", registry=self._registry)
        self.pushes = Counter(
            "waypost_pushes",
            "Pushes of carriers: taken, partly, repeated, forged, unreadable, failed.",
            ("account", "outcome"),
            registry=self._registry,
        )
        self.labels = Counter(
            "waypost_labels",
            "Labels that carriers pushed: taken, forged, failed.",
            ("account", "outcome"),
            registry=self._registry,
        )
        self.bulk_refused = Counter(
            "waypost_bulk_refused",
            "Large batches that were told to come again: the index lags.",
            registry=self._registry,
        )
        self.reads_waited = Counter(
            "waypost_reads_waited",
            "Look-ups that waited for the index to reach their position.",
            registry=self._registry,
        )
        self.body_bytes = Counter(
            "waypost_scans_body_bytes", "Bytes of scan batches, unpacked.", registry=self._registry
        )
        self._registry.register(_Machines(health))
        self._registry.register(_Accounts(outlook))
        self._registry.register(_Pools(pools))
        self._registry.register(_Webhooks(telling))
        if mailing is not None:
            self._registry.register(_Mail(mailing))

    def text(self) -> bytes:
        """All of it in the text format of Prometheus."""
        return generate_latest(self._registry)


class _Accounts(Collector):
    """Accounts with carriers, asked whenever somebody reads the numbers."""

    def __init__(self, outlook: Outlook) -> None:
        self._outlook = outlook

    def describe(self) -> Iterator[Metric]:
        """Nothing: see `_Machines`."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        calls = CounterMetricFamily("waypost_poll_calls", "Calls to ask carriers after parcels.", labels=("account",))
        scans = CounterMetricFamily("waypost_poll_scans", "Scans that these brought.", labels=("account",))
        trouble = GaugeMetricFamily("waypost_poll_trouble", "Accounts that cannot be asked now.", labels=("account",))
        for account, done, is_in_trouble in self._outlook.list_counts():
            calls.add_metric((account,), done.calls)
            scans.add_metric((account,), done.scans)
            trouble.add_metric((account,), int(is_in_trouble))
        yield from (calls, scans, trouble)


class _Pools(Collector):
    """Ranges of waybill numbers, asked whenever somebody reads the numbers."""

    def __init__(self, pools: Pools) -> None:
        self._pools = pools

    def describe(self) -> Iterator[Metric]:
        """Nothing: see `_Machines`."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        left = GaugeMetricFamily("waypost_pool_left", "Waybill numbers that a pool still has.", labels=("pool",))
        low = GaugeMetricFamily("waypost_pool_low", "Pools with no more numbers than their alarm.", labels=("pool",))
        for pool in self._pools.list_all():
            left.add_metric((pool.name,), pool.left)
            low.add_metric((pool.name,), int(pool.is_low))
        yield from (left, low)


class _Webhooks(Collector):
    """What merchants are told, asked whenever somebody reads the numbers."""

    def __init__(self, telling: Callable[[], Standing]) -> None:
        self._telling = telling

    def describe(self) -> Iterator[Metric]:
        """Nothing: see `_Machines`."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        told = self._telling()
        tries = CounterMetricFamily(
            "waypost_webhook_tries", "Tries to deliver: delivered, failed, dead.", labels=("outcome",)
        )
        for outcome in ("delivered", "failed", "dead"):
            tries.add_metric((outcome,), getattr(told, outcome))
        yield tries
        yield CounterMetricFamily("waypost_webhook_seconds", "That tries to deliver took.", told.seconds)
        yield GaugeMetricFamily("waypost_webhook_waiting", "Deliveries that wait.", told.waiting)
        yield GaugeMetricFamily("waypost_webhook_left_alone", "Webhooks that failed too often in a row.", told.alone)
        yield GaugeMetricFamily("waypost_webhook_lag_scans", "Scans that webhooks were not told of yet.", told.lag)
        yield CounterMetricFamily("waypost_webhook_gaps", "Changes had gone before they were told.", told.gaps)


class _Mail(Collector):
    """What consignees are told, asked whenever somebody reads the numbers."""

    def __init__(self, mailing: Callable[[], MailStanding]) -> None:
        self._mailing = mailing

    def describe(self) -> Iterator[Metric]:
        """Nothing: see `_Machines`."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        mail = self._mailing()
        tries = CounterMetricFamily(
            "waypost_mail_tries", "Tries to hand mail over: sent, failed, dead.", labels=("outcome",)
        )
        for outcome in ("sent", "failed", "dead"):
            tries.add_metric((outcome,), getattr(mail, outcome))
        yield tries
        yield CounterMetricFamily("waypost_mail_seconds", "That tries to hand mail over took.", mail.seconds)
        yield GaugeMetricFamily("waypost_mail_waiting", "Mails that wait.", mail.waiting)
        told = "Whether the mail server is out of reach or refuses us."
        yield GaugeMetricFamily("waypost_mail_held", told, int(mail.is_held))


class _Machines(Collector):
    """Asked whenever somebody reads the numbers."""

    def __init__(self, health: Callable[[], Health]) -> None:
        self._health = health

    def describe(self) -> Iterator[Metric]:
        """Nothing: so that registering asks no machine."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        """See `Collector.collect`."""
        health = self._health()
        yield GaugeMetricFamily("waypost_log_position", "Scans in the log.", health.log_position)
        yield GaugeMetricFamily("waypost_index_position", "Scans that look-ups see.", health.index_position)
        yield GaugeMetricFamily("waypost_index_lag_scans", "Scans between log and index.", health.lag)
        yield GaugeMetricFamily("waypost_failures", "Machines that report a failure.", len(health.failures))
        told = "Whether old scans do not leave the log as the settings ask."
        yield GaugeMetricFamily("waypost_trimming_failed", told, int(health.trimming is not None))
        told = "Kinds of alerts that nobody can look for."
        yield GaugeMetricFamily("waypost_alerts_failing", told, len(health.unwatched))
        if health.disk_free_bytes is not None:
            yield GaugeMetricFamily("waypost_disk_free_bytes", "Room left for the log.", health.disk_free_bytes)
