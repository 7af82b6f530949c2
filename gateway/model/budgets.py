"""Limits and their numbers: scopes, units, windows, rules, levels, and what a charge writes into the roll-ups."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

UNLIMITED = -1


class Scope(StrEnum):
    """Whose spending a budget counts."""

    COMPANY = "company"
    USER = "user"
    KEY = "key"
    AGENT = "agent"
    PROVIDER = "provider"
    INSTALLATION = "installation"

    @property
    def spans_companies(self) -> bool:
        """Whether all companies' calls are counted together."""
        return self in {Scope.PROVIDER, Scope.INSTALLATION}


class Unit(StrEnum):
    """What a budget counts; a limit in dollars is micro-dollars, but for -1 and 0."""

    TOKENS = "tokens"
    REQUESTS = "requests"
    IN_FLIGHT = "in_flight"
    USD = "usd"


class Enforcement(StrEnum):
    """hard refuses, caps and cuts; soft refuses a new call but lets one in flight finish; shadow only counts."""

    HARD = "hard"
    SOFT = "soft"
    SHADOW = "shadow"


class Unpriced(StrEnum):
    """What a budget of dollars does about a call to a model without a price: refuse it, or not count it."""

    REFUSE = "refuse"
    FREE = "free"


class OnFailure(StrEnum):
    """What becomes of calls while the store is away: refused, within an allowance, or all sent and written down."""

    CLOSED = "closed"
    GRACE = "grace"
    OPEN = "open"


class Period(StrEnum):
    """A calendar period; weeks start on Monday 00:00."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Rolling:
    """Any `days` consecutive days."""

    days: int

    @property
    def code(self) -> str:
        """Give its short name, in budget ids and on the wire: `30d`."""
        return f"{self.days}d"


@dataclass(frozen=True, slots=True)
class Calendar:
    """The current day, week or month in a zone."""

    period: Period

    @property
    def code(self) -> str:
        """Give its short name, in budget ids and on the wire: `day`, `week`, `month`."""
        return self.period.value


@dataclass(frozen=True, slots=True)
class Fixed:
    """Slices of `seconds` counted from the epoch."""

    seconds: int

    @property
    def code(self) -> str:
        """Give its short name, in budget ids and on the wire: `60s`."""
        return f"{self.seconds}s"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """For ever (and the window of in-flight counts)."""

    @property
    def code(self) -> str:
        """Give its short name, in budget ids and on the wire: `lifetime`."""
        return "lifetime"


Window = Rolling | Calendar | Fixed | Lifetime


@dataclass(frozen=True, slots=True)
class Match:
    """Which calls a budget counts, by glob on each part; None matches all."""

    provider: str | None = None
    model: str | None = None
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """A `budgets:` entry: a limit for each subject of a scope, or for one named company, user, key or agent.

    `sliced`: each gateway leases parts of it and spends them in memory. `timezone` is of what spans companies.
    """

    name: str
    scope: Scope
    window: Window
    limit: int
    unit: Unit = Unit.TOKENS
    match: Match = Match()
    enforcement: Enforcement = Enforcement.HARD
    company_id: str | None = None
    user_id: str | None = None
    key_name: str | None = None
    agent_id: str | None = None
    sliced: bool = False
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Budget:
    """A rule applied to one subject: what the ledger enforces. `subject` is the holder of the counter in the store."""

    id: str
    name: str
    scope: Scope
    subject: str
    unit: Unit
    window: Window
    limit: int
    enforcement: Enforcement
    timezone: str = "UTC"
    sliced: bool = False


class Level(msgspec.Struct, frozen=True, gc=False):
    """A budget's numbers at one instant; `limit` is the effective one.

    `is_override`: it was set through an API and stands in the store, where it wins over the file's, `budget.limit`.
    """

    budget: Budget
    limit: int
    used: int
    held: int
    resets_at_ms: int | None
    is_override: bool = False

    @property
    def remaining(self) -> int | None:
        """What a call could still take: limit - used - held, at least 0; None when unlimited."""
        if self.limit == UNLIMITED:
            return None
        return max(0, self.limit - self.used - self.held)


# ---------------------------------------------------------------- what a charge writes beside the counters


class Increment(msgspec.Struct, frozen=True, gc=False):
    """`HINCRBY key field amount`; in a plan for expiry, `amount` grows by `per_token_micros` / 10^6 a token."""

    key: str
    field: str
    amount: int
    per_token_micros: int = 0


class Rollup(msgspec.Struct, frozen=True, gc=False):
    """What one charge adds to the usage roll-ups: increments and (set key, member) pairs.

    Members are ASCII text (a digest in hex): the msgpack of a script knows no binary strings.
    """

    increments: tuple[Increment, ...] = ()
    members: tuple[tuple[str, str], ...] = ()
    ttl_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Weights:
    """What a token of each class counts in a token budget, in millionths; one counts one by default."""

    input: int = 1_000_000
    output: int = 1_000_000
    cache_read: int = 1_000_000
    cache_creation: int = 1_000_000
