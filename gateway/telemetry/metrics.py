"""Owns what a process counts. Made once per process; what calls count is added up beside it (`tally`) until `flush`.

The rule that matters: where several workers serve, `PROMETHEUS_MULTIPROC_DIR` names their common directory before this
module is imported: prometheus_client chooses at import whether values live in memory or in files that all can read.
"""

import time
from collections.abc import Callable

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.model import Usage
from gateway.telemetry import families
from gateway.telemetry.calls import CallRecord
from gateway.telemetry.family import Family, Kind
from gateway.telemetry.outages import OUTAGES, Outages
from gateway.telemetry.slicing import Slicing
from gateway.telemetry.tally import Spreads, Sums, Tally

MOST_SERIES = 5_000
"""Series that a family may have in one process; further ones are counted together, each label `other`."""

OTHER = "other"
PEAK_SECONDS = 30.0

CUT = "cut"
NO_USAGE = "no_usage"
_REFUSED_FROM = 400

# The files of several workers have no creation times either.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

_Count = Callable[[float], None]


class _Series:
    """One family's series, each bound once: what stays of a look-up is a bound method in a dict."""

    def __init__(self, family: Family, registry: CollectorRegistry) -> None:
        self.buckets = family.buckets
        self._family = _registered(family, registry)
        self._bound: dict[tuple[str, ...], _Count] = {} if family.labels else {(): _count_of(self._family)}
        self._histograms: dict[tuple[str, ...], Histogram] = {}

    def of(self, *labels: str) -> _Count:
        """Give what counts one series: adds to a counter, sets a gauge, observes into a histogram."""
        found = self._bound.get(labels)
        return self._bind(labels) if found is None else found

    def histogram(self, *labels: str) -> Histogram:
        """Give one series of a histogram itself."""
        found = self._histograms.get(labels)
        if found is None:
            labels = self._told_apart(labels, len(self._histograms))
            child = self._family.labels(*labels) if labels else self._family
            assert isinstance(child, Histogram)
            found = self._histograms[labels] = child
        return found

    def _bind(self, labels: tuple[str, ...]) -> _Count:
        labels = self._told_apart(labels, len(self._bound))
        count = self._bound[labels] = _count_of(self._family.labels(*labels))
        return count

    def _told_apart(self, labels: tuple[str, ...], so_far: int) -> tuple[str, ...]:
        return (OTHER,) * len(labels) if so_far >= MOST_SERIES else labels


def _registered(family: Family, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    name, labels = family.name, family.labels
    match family.kind:
        case Kind.COUNTER:
            return Counter(name, family.help, labels, registry=registry)
        case Kind.GAUGE:
            return Gauge(name, family.help, labels, registry=registry, multiprocess_mode=family.across.value)
        case Kind.HISTOGRAM:
            return Histogram(name, family.help, labels, registry=registry, buckets=family.buckets)


def _count_of(series: Counter | Gauge | Histogram) -> _Count:
    match series:
        case Counter():
            return series.inc
        case Gauge():
            return series.set
        case Histogram():
            return series.observe


def _spreads(series: _Series) -> Spreads:
    return Spreads(series.buckets, series.histogram)


class _Peak:
    """The largest value of the last 30 to 60 seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._turned = clock()
        self._before = self._now = 0.0

    def of(self, value: float) -> float:
        """Take a value in; gives the largest."""
        age_seconds = self._clock() - self._turned
        if age_seconds >= PEAK_SECONDS:
            self._before = self._now if age_seconds < 2 * PEAK_SECONDS else 0.0
            self._now = 0.0
            self._turned += age_seconds
        self._now = max(self._now, value)
        return max(self._now, self._before)


class Metrics:
    """What a process that serves calls counts, in its own `registry`."""

    def __init__(
        self, registry: CollectorRegistry | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.registry = registry or CollectorRegistry()
        self._tally = Tally()
        self.registry.register(self._tally)
        made = {family.name: _Series(family, self.registry) for family in families.COUNTED}
        self._calls = Sums(made[families.CALLS.name].of)
        self._call_seconds = _spreads(made[families.CALL_SECONDS.name])
        self._first_byte_seconds = _spreads(made[families.FIRST_BYTE_SECONDS.name])
        self._tokens = Sums(made[families.TOKENS.name].of)
        self._overrun_tokens = Sums(made[families.OVERRUN_TOKENS.name].of)
        self._refusals = Sums(made[families.REFUSALS.name].of)
        self._estimated = Sums(made[families.ESTIMATED.name].of)
        self._uncharged = Sums(made[families.UNCHARGED.name].of)
        self._warnings = made[families.WARNINGS.name]
        self._estimate_ratio = _spreads(made[families.ESTIMATE_RATIO.name])
        self._correction = made[families.CORRECTION.name]
        self._charges_lost = made[families.CHARGES_LOST.name].of()
        self._holds = made[families.HOLDS.name].of()
        self._store_seconds = _spreads(made[families.STORE_SECONDS.name])
        self._batch_size = _spreads(made[families.BATCH_SIZE.name])
        self._lag_seconds = made[families.LAG_SECONDS.name].of()
        self._lag_max_seconds = made[families.LAG_MAX_SECONDS.name].of()
        self._generation = made[families.GENERATION.name].of()
        turned_away = made[families.TURNED_AWAY.name]
        self._turned_away = {reason: turned_away.of(reason) for reason in families.TURNED_AWAY_REASONS}
        posts = made[families.WEBHOOK_POSTS.name]
        self._posts = {outcome: posts.of(outcome) for outcome in families.WEBHOOK_OUTCOMES}
        self.slicing = Slicing(made)
        self.outages = Outages({family.name: made[family.name].of() for family in OUTAGES})
        self._peak = _Peak(clock)
        self._tally.keep(self._calls, self._call_seconds, self._first_byte_seconds, self._tokens, self._overrun_tokens)
        self._tally.keep(self._refusals, self._estimated, self._uncharged, self._estimate_ratio)
        self._tally.keep(self._store_seconds, self._batch_size)

    def flush(self) -> None:
        """Bring what calls have counted to where it is read; to be done once a second, and at the end."""
        self._tally.flush()

    def call_ended(self, record: CallRecord) -> None:
        """Count a call, once, when it has ended; its usage too, where it is known by then."""
        provider, model, outcome = record.provider or "", record.listed_model or "", outcome_of(record)
        endpoint, purpose = record.endpoint or "", record.purpose or ""
        with self._tally.lock:
            self._calls.add(1, provider, model, purpose, endpoint, outcome)
            if record.budget is not None:
                self._refusals.add(1, record.budget, outcome)
            if record.held_tokens is not None:
                self._call_seconds.add(record.duration_ms / 1000, endpoint)
            if record.first_byte_ms is not None:
                self._first_byte_seconds.add(record.first_byte_ms / 1000, provider)
            if record.released:
                self._uncharged.add(1, provider, model, outcome)
            self._used(record)

    def _used(self, record: CallRecord) -> None:
        usage = record.usage
        if usage is None:
            return
        provider, model, purpose = record.provider or "", record.listed_model or "", record.purpose or ""
        for name, tokens in token_classes(usage):
            if tokens > 0:  # a counter refuses less, and what a provider reports must not fail a call
                self._tokens.add(tokens, provider, model, purpose, name)
        if record.overrun_tokens is not None and record.overrun_tokens > 0:
            self._overrun_tokens.add(record.overrun_tokens, provider, model)
        if usage.estimated:
            outcome = outcome_of(record)
            self._estimated.add(1, provider, model, NO_USAGE if outcome == "ok" else outcome)

    def charge_lost(self) -> None:
        """Count a charge that did not reach the store: the ledger gave up on it."""
        self._charges_lost(1)

    def store_call(self, seconds: float, operations: int) -> None:
        """Count one batch of ledger operations that the store answered."""
        with self._tally.lock:
            self._store_seconds.add(seconds)
            self._batch_size.add(operations)

    def holds(self, count: int) -> None:
        """Note how many holds are open."""
        self._holds(count)

    def loop_lag(self, seconds: float) -> None:
        """Note one measured lag of the event loop."""
        self._lag_seconds(seconds)
        self._lag_max_seconds(self._peak.of(seconds))

    def warned(self, budget: str, threshold: int) -> None:
        """Count a budget that passed a threshold (percent) of the configuration."""
        self._warnings.of(budget, str(threshold))(1)

    def posted(self, outcome: str) -> None:
        """Count what became of a post to the webhook; `outcome` is one of WEBHOOK_OUTCOMES."""
        self._posts[outcome](1)

    def turned_away(self, reason: str, count: int = 1) -> None:
        """Count what the gateway ended to protect itself; `reason` is one of TURNED_AWAY_REASONS."""
        self._turned_away[reason](count)

    def estimated(self, provider: str, model: str, estimate_tokens: int, reported_tokens: int) -> None:
        """Compare our count of a prompt with the provider's; `model` is the listed name. A report of 0 says nothing."""
        if reported_tokens > 0:
            with self._tally.lock:
                self._estimate_ratio.add(estimate_tokens / reported_tokens, provider, model)

    def correction(self, provider: str, model: str, factor: float) -> None:
        """Note what counts for a listed model are multiplied by."""
        self._correction.of(provider, model)(factor)

    def generation(self, number: int) -> None:
        """Note which configuration this process serves: 1 is the first."""
        self._generation(number)


class Supervision:
    """What the parent of the workers counts, in its own `registry`; where one process does all, it may be the same."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._workers = _Series(families.WORKERS, self.registry).of()
        self._restarts = _Series(families.RESTARTS, self.registry).of()
        self._refused = _Series(families.REFUSED, self.registry).of()

    def workers(self, count: int) -> None:
        """Note how many workers run."""
        self._workers(count)

    def restarted(self) -> None:
        """Count a worker that had to be replaced."""
        self._restarts(1)

    def refused(self, *, is_refused: bool) -> None:
        """Note whether the file's configuration is one that not every worker serves."""
        self._refused(int(is_refused))


def outcome_of(record: CallRecord) -> str:
    """Give the outcome as it is counted: an answer that began and that a budget ended is `cut`, not refused."""
    is_cut = record.outcome == "budget_exceeded" and record.status < _REFUSED_FROM
    return CUT if is_cut else record.outcome


def token_classes(usage: Usage) -> tuple[tuple[str, int], ...]:
    """Split a usage into classes that do not overlap: their sum is its input and output, whatever its parts claim."""
    cached = min(usage.cache_read_tokens, usage.input_tokens)
    written = min(usage.cache_creation_tokens, usage.input_tokens - cached)
    reasoning = min(usage.reasoning_tokens, usage.output_tokens)
    return (
        ("input", usage.input_tokens - cached - written),
        ("cached_input", cached),
        ("cache_write", written),
        ("output", usage.output_tokens - reasoning),
        ("reasoning", reasoning),
    )
