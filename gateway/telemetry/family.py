"""What a metric is: its name, kind, labels, unit and meaning."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A metric's type, as the exposition format spells it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Across(StrEnum):
    """What several workers' gauges are together, those that are gone left out (prometheus_client's words)."""

    SUM = "livesum"
    LARGEST = "livemax"
    SMALLEST = "livemin"


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. `buckets` are a histogram's upper bounds; `across` is about gauges alone."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    unit: str
    help: str
    buckets: tuple[float, ...] = ()
    across: Across = Across.SUM
