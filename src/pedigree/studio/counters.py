"""What the studio counts, in the format of Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BATCHES = (1, 2, 4, 8, 16, 32, 64)


class Counters:
    """The counters of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        start = "pedigree_studio"
        self.requests = Counter(
            f"{start}_requests", "Answers, by path and status.", ["path", "status"], registry=registry
        )
        self.seconds = Histogram(
            f"{start}_request_seconds", "Time until an answer, by path.", ["path"], registry=registry
        )
        self.dogs = Counter(f"{start}_dogs", "Dogs drawn.", registry=registry)
        self.batches = Histogram(f"{start}_batch_dogs", "Dogs drawn at once.", buckets=_BATCHES, registry=registry)
        self.waiting = Gauge(f"{start}_waiting_dogs", "Dogs that wait to be drawn.", registry=registry)

    def drawn(self, dogs: int) -> None:
        """Count a batch."""
        self.dogs.inc(dogs)
        self.batches.observe(dogs)

    def text(self) -> bytes:
        """Return all counters as Prometheus reads them."""
        return generate_latest(self._registry)
