"""What the ledger is asked and what it answers: orders, leases, refusals, extensions. Frozen values."""

from dataclasses import dataclass
from enum import IntEnum

import msgspec

from gateway.budget.wire import Ask, Operation, Position
from gateway.model import Budget, Level, Rollup

NO_ROLLUP = Rollup()


class Share(IntEnum):
    """Whether a grant leaves most of what remains to others: no; yes, it is shortened; or it is refused instead."""

    NO = 0
    YES = 1
    OR_REFUSE = 2


class Order(msgspec.Struct, frozen=True, gc=False):
    """What a call asks of the ledger.

    `want_tokens` and `least_tokens` are completion tokens: what is held at best, and what a grant must reach. If the
    lease expires, all that it holds is charged and `plan` is rolled up, unless `charged_if_expired` is False: only
    while nothing can have been forwarded.
    """

    call_id: str
    company_id: str
    asks: tuple[Ask, ...]
    want_tokens: int
    least_tokens: int
    share: Share = Share.NO
    plan: Rollup = NO_ROLLUP
    who: str = ""
    charged_if_expired: bool = True


class Lease(msgspec.Struct, frozen=True, gc=False):
    """An admitted order: its grant, when (store's ms), where its charges belong, each budget's numbers.

    `asked` is the operation that made it. One that `is_local` was given while the store was away, without levels.
    """

    order: Order
    admitted_ms: int
    granted_tokens: int
    positions: tuple[Position, ...]
    levels: tuple[Level, ...]
    asked: Operation | None = None
    is_local: bool = False


class Verdict(IntEnum):
    """Why a budget refuses: it does not; only holds stand in the way; it is spent; the call alone is larger."""

    ROOM = 0
    BUSY = 1
    SPENT = 2
    TOO_LARGE = 3


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A refused order: nothing was changed. `retry_at_ms` is None where waiting does not help."""

    order: Order
    now_ms: int
    verdicts: tuple[tuple[Verdict, int | None], ...]
    levels: tuple[Level, ...]


class Extension(msgspec.Struct, frozen=True, gc=False):
    """A lease's grant after an extend; `refused_by` is the budget that stopped it, `gone` a lease that is no more."""

    granted_tokens: int
    refused_by: Level | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """A limit set through an API, as the store remembers it: how much, when (store's ms), by whom."""

    limit: int
    set_at_ms: int
    who: str


@dataclass(frozen=True, slots=True)
class Report:
    """Usage consumed elsewhere: one amount per budget, charged whether there is room or not, once per `id`.

    `digest` tells one report under an id from another; the id is remembered with it for `life_seconds`.
    """

    id: str
    digest: str
    life_seconds: int
    company_id: str
    budgets: tuple[Budget, ...]
    amounts: tuple[int, ...]
    rollup: Rollup
    who: str


@dataclass(frozen=True, slots=True)
class Reported:
    """What became of a report: `is_new` is False for one that was charged before."""

    levels: tuple[Level, ...]
    is_new: bool
