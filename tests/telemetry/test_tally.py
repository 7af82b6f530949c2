"""What is added up between a call and the metrics: all of it arrives, once."""

import math
import threading

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram

from gateway.telemetry.tally import Spreads, Sums, Tally

BOUNDS = (0.1, 1.0, 10.0)


@given(st.lists(st.floats(0, 20), max_size=30))
def test_a_histogram_is_the_same_as_if_it_had_been_told_at_once(values: list[float]) -> None:
    """Whatever falls into the buckets, on a bound or beyond the last one, counts as prometheus_client counts it."""
    registry = CollectorRegistry()
    direct = Histogram("direct", "d", ["a"], registry=registry, buckets=BOUNDS)
    behind = Histogram("behind", "d", ["a"], registry=registry, buckets=BOUNDS)
    spreads = Spreads(BOUNDS, behind.labels)
    for value in values:
        direct.labels("x").observe(value)
        spreads.add(value, "x")
    spreads.flush()
    spreads.flush()
    for bound in ("0.1", "1.0", "10.0", "+Inf"):
        told = [registry.get_sample_value(f"{name}_bucket", {"a": "x", "le": bound}) for name in ("direct", "behind")]
        assert told[0] == told[1]
    if values:
        assert math.isclose(registry.get_sample_value("behind_sum", {"a": "x"}) or 0.0, sum(values), abs_tol=1e-9)


def test_nothing_is_lost_or_counted_twice_while_others_flush() -> None:
    """Counts that are added while another thread reads arrive once."""
    registry = CollectorRegistry()
    tally = Tally()
    registry.register(tally)
    counter = Counter("calls", "d", ["a"], registry=registry)
    sums = Sums(lambda *labels: counter.labels(*labels).inc)
    tally.keep(sums)
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            tally.flush()

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20_000):
        with tally.lock:
            sums.add(1, "x")
    done.set()
    reader.join()
    assert registry.get_sample_value("calls_total", {"a": "x"}) == 20_000


def test_what_is_pending_is_there_when_it_is_read() -> None:
    """A reading brings everything to the metrics first."""
    registry = CollectorRegistry()
    tally = Tally()
    registry.register(tally)
    counter = Counter("calls", "d", registry=registry)
    sums = Sums(lambda: counter.inc)
    tally.keep(sums)
    sums.add(2)
    assert registry.get_sample_value("calls_total") == 2
