"""Budgets and orders for the ledger's tests, and the whole store as a value."""

from gateway.budget import Ask, Lease, Ledger, Order
from gateway.model import Budget, Enforcement, Rolling, Rollup, Scope, Unit, Window
from gateway.store.connection import Store
from gateway.store.shards import prefix

COMPANY = "11111111-1111-4111-8111-111111111111"
SHARD = prefix(COMPANY)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
ONE = 1_000_000
MONTH_LONG = Rolling(30)
NO_ROLLUP = Rollup()


def budget(
    limit: int,
    window: Window = MONTH_LONG,
    name: str = "tokens",
    *,
    subject: str = "c:x",
    unit: Unit = Unit.TOKENS,
    enforcement: Enforcement = Enforcement.HARD,
    zone: str = "UTC",
) -> Budget:
    """Give a budget of one subject; its name is its id."""
    return Budget(name, name, Scope.COMPANY, subject, unit, window, limit, enforcement, zone)


def order(
    call: str,
    *budgets: Budget,
    prompt: int = 0,
    want: int = 0,
    least: int = 0,
    share: bool = False,
    rate_micros: int = ONE,
    plan: Rollup = NO_ROLLUP,
    charged_if_expired: bool = True,
) -> Order:
    """Give an order that asks the same of every token budget, and one of each other."""
    asks = tuple(Ask(one, prompt, rate_micros) if one.unit is Unit.TOKENS else Ask(one, 1, 0) for one in budgets)
    return Order(call, COMPANY, asks, want, least, share, plan, "tester", charged_if_expired)


async def hold(ledger: Ledger, call: str, *budgets: Budget, **asked) -> Lease:
    """Reserve what must be admitted."""
    lease = await ledger.reserve(order(call, *budgets, **asked))
    assert isinstance(lease, Lease), lease
    return lease


async def charge(ledger: Ledger, call: str, amount: int, *budgets: Budget) -> Lease:
    """Reserve and settle the same amount in each budget."""
    lease = await hold(ledger, call, *budgets, prompt=amount)
    await ledger.settle(lease, [amount] * len(budgets), NO_ROLLUP)
    return lease


async def numbers(ledger: Ledger, *budgets: Budget) -> tuple[tuple[int, int], ...]:
    """Give (used, held) of each budget."""
    return tuple((level.used, level.held) for level in await ledger.read(COMPANY, budgets))


async def contents(store: Store) -> dict[bytes, tuple[bytes, int]]:
    """Give every key but the test's clock, with its value and the instant it expires."""
    names = sorted(set(await store.execute("KEYS", "*")) - {b"clock"})
    dumps = await store.pipeline([("DUMP", name) for name in names])
    ends = await store.pipeline([("PEXPIRETIME", name) for name in names])
    return dict(zip(names, zip(dumps, ends, strict=True), strict=True))
