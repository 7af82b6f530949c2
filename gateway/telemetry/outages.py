"""What a process tells of a store that is away, and of its journal: its metrics, and what counts them."""

from collections.abc import Callable, Mapping

from gateway.telemetry.family import Across, Family, Kind

BREAKER = Family(
    "gateway_store_breaker_state",
    Kind.GAUGE,
    (),
    "0, 1 or 2",
    "Whether the store is asked: 0 yes, 1 it is brought what it missed, 2 no; of the worker that fares worst.",
    across=Across.LARGEST,
)
JOURNAL_BYTES = Family(
    "gateway_journal_bytes",
    Kind.GAUGE,
    (),
    "bytes",
    "What the journals of calls take on the disk.",
)
JOURNAL_CALLS = Family(
    "gateway_journal_calls_open",
    Kind.GAUGE,
    (),
    "calls",
    "Calls in the journals that the store has not answered for: in flight, or settled while it was away.",
)
JOURNAL_FAILURES = Family(
    "gateway_journal_failures_total",
    Kind.COUNTER,
    (),
    "writes",
    "Writes to a journal that failed: the disk is full, or the directory cannot be written.",
)
REPLAYED = Family(
    "gateway_charges_replayed_total",
    Kind.COUNTER,
    (),
    "charges",
    "Charges that reached the store from a journal, after an outage or a death.",
)
UNSTORED = Family(
    "gateway_calls_without_store_total",
    Kind.COUNTER,
    (),
    "calls",
    "Calls admitted while the store was away, as `store.on_failure` allows.",
)
GRACE_TOKENS = Family(
    "gateway_grace_tokens_total",
    Kind.COUNTER,
    (),
    "tokens",
    "Weighted tokens set aside for calls while the store was away.",
)

OUTAGES = (BREAKER, JOURNAL_BYTES, JOURNAL_CALLS, JOURNAL_FAILURES, REPLAYED, UNSTORED, GRACE_TOKENS)


class Outages:
    """Counts them; `series` gives what counts a metric by its name."""

    def __init__(self, series: Mapping[str, Callable[[float], None]]) -> None:
        self._breaker = series[BREAKER.name]
        self._journal_bytes = series[JOURNAL_BYTES.name]
        self._journal_calls = series[JOURNAL_CALLS.name]
        self._journal_failures = series[JOURNAL_FAILURES.name]
        self._replayed = series[REPLAYED.name]
        self._unstored = series[UNSTORED.name]
        self._grace_tokens = series[GRACE_TOKENS.name]

    def now(self, *, breaker: int, journal_bytes: int, open_calls: int) -> None:
        """Note how it stands."""
        self._breaker(breaker)
        self._journal_bytes(journal_bytes)
        self._journal_calls(open_calls)

    def journal_failed(self) -> None:
        """Count a write that failed."""
        self._journal_failures(1)

    def replayed(self) -> None:
        """Count a charge that came from a journal."""
        self._replayed(1)

    def taken(self, tokens: int, calls: int) -> None:
        """Count what calls took without the store."""
        self._unstored(calls)
        self._grace_tokens(tokens)
