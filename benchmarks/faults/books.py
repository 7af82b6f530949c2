"""What the far end served, call by call, beside what the ledger charged for it: the verdict of a run.

The rule that matters: the far end's own log is the truth. The tolerance is the ledger's promise: never below the truth;
above it only where a process was killed before the answer was delivered, or where nobody was told what was used, and
then by at most one tranche for a stream, the hold for an answer in one piece.
"""

import asyncio
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.faults.calls import Made, user_of
from benchmarks.faults.fault import Blow
from benchmarks.faults.site import COMPANY, LEASE_SECONDS, TRANCHE_TOKENS, Site
from gateway.budget import Ledger, Rules, keys, script
from gateway.cli.beside import store_beside
from gateway.config import Config, load
from gateway.model import Caller, User
from gateway.store.connection import Store
from gateway.store.shards import prefixes
from gateway.usage import By, Counts, days, summed
from tests.end_to_end.serving import FarEnd

SETTLED_SECONDS = 30.0
UNREAD_TOKENS = 16
"""What a provider may have written in the instant in which the gateway closed a stream, because its client had left or
the gateway had to end: nobody can read that any more. Its frames come every 6 to 16 ms: a machine may stall that long.
"""

REFUSALS = frozenset({429, 503})
READ_AT_ONCE = 64
_NUMBER = re.compile(r"Call (\d{7})\.")


@dataclass(frozen=True, slots=True)
class Truth:
    """What the far end served for one call: in tokens; `requests` are those that reached it."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    requests: int = 0

    @property
    def tokens(self) -> int:
        """Give all of them."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Charge:
    """What the ledger has for one call: in its user's budget, and in the roll-ups."""

    used: int
    held: int
    counts: Counts


@dataclass(frozen=True, slots=True)
class Entry:
    """A call on both sides; `was_disturbed`: something was struck, or not back yet, while it was under way.

    `was_spared`: no process of the gateway died of it, so that what came to it must be charged to the token.
    """

    made: Made
    truth: Truth
    charge: Charge
    was_disturbed: bool
    was_spared: bool = False

    @property
    def was_heard(self) -> bool:
        """Whether what it used came to a gateway that could charge it, so that it must be charged to the token.

        That is: its answer was delivered, which is after its charge was written down; or the gateway lived on, and was
        told, or refused the call.
        """
        made = self.made
        if made.is_delivered:
            return True
        if self.was_disturbed and not self.was_spared:
            return False
        if made.saw_usage or (made.status in REFUSALS and not self.truth.requests):
            return True
        return made.plan.is_exact and not self.was_disturbed

    @property
    def excess(self) -> int:
        """Give the tokens charged above the truth."""
        return self.charge.used - self.truth.tokens

    @property
    def unread(self) -> int:
        """Give the tokens that were written when a stream was closed before its end."""
        return max(0, -self.excess) if self.made.plan.stream and self.made.problem else 0

    @property
    def is_lost(self) -> bool:
        """Whether it was charged less than it took."""
        return self.excess + min(self.unread, UNREAD_TOKENS) < 0

    def tolerance(self, prompt_hold: int) -> int:
        """Give the tokens that it may be charged above the truth; `prompt_hold` is what is held for its prompt."""
        if self.was_heard:
            return 0
        most = self.made.plan.most_tokens
        if most is not None:
            return prompt_hold + most - self.truth.tokens
        return prompt_hold - self.truth.prompt_tokens + TRANCHE_TOKENS

    def is_doubled(self, prompt_hold: int) -> bool:
        """Whether it was charged twice, or more than the tolerance."""
        return self.charge.counts.requests > 1 or self.excess > max(0, self.tolerance(prompt_hold))


@dataclass(frozen=True, slots=True)
class Books:
    """Everything at the end of a run; `prompt_hold` is in tokens, `leases` are those that nobody closed."""

    entries: Sequence[Entry]
    company_used: int
    company_held: int
    leases: int
    prompt_hold: int

    @property
    def true_tokens(self) -> int:
        """Give what the far end served."""
        return sum(one.truth.tokens for one in self.entries)

    @property
    def charged_tokens(self) -> int:
        """Give what the users' budgets were charged."""
        return sum(one.charge.used for one in self.entries)

    @property
    def lost(self) -> list[Entry]:
        """Give the calls that were charged less than they took."""
        return [one for one in self.entries if one.is_lost]

    @property
    def doubled(self) -> list[Entry]:
        """Give the calls that were charged twice or too much."""
        return [one for one in self.entries if one.is_doubled(self.prompt_hold)]

    @property
    def differing(self) -> int:
        """Count the calls whose roll-up says something else than their budget; the company's sum is one more."""
        own = sum(one.charge.used != one.charge.counts.weighted for one in self.entries)
        return own + (self.company_used != sum(one.charge.counts.weighted for one in self.entries))

    @property
    def held_tokens(self) -> int:
        """Give what is still held anywhere."""
        return self.company_held + sum(one.charge.held for one in self.entries)


async def read(site: Site, made: Sequence[Made], blows: Sequence[Blow]) -> Books:
    """Wait until every lease has run out and nothing runs at the far end, then read both sides."""
    config = load(site.path, {})
    async with store_beside(config) as store:
        assert store is not None
        leases = await _leases_left(store)
        served = truths(await asyncio.to_thread(_log, FarEnd(site.far_port)))
        charges, company = await _charges(config, store, [one.number for one in made])
    entries = [_entry(one, served.get(one.number, Truth()), charges[one.number], blows) for one in made]
    return Books(entries, *company, leases, _prompt_hold(site))


def _entry(made: Made, truth: Truth, charge: Charge, blows: Iterable[Blow]) -> Entry:
    met = [blow for blow in blows if made.began <= blow.whole_at and blow.at <= made.until]
    return Entry(made, truth, charge, bool(met), all(blow.spares_gateway for blow in met))


async def _leases_left(store: Store) -> int:
    """Wait until no lease is left; gives how many there are after all."""
    deadline = time.monotonic() + SETTLED_SECONDS + 2 * LEASE_SECONDS
    while True:
        counts = [await store.execute("ZCARD", prefix + keys.DEADLINES) for prefix in prefixes()]
        counts += [await store.execute("HLEN", prefix + keys.LEASES) for prefix in prefixes()]
        if not any(counts) or time.monotonic() > deadline:
            return sum(counts)
        await asyncio.sleep(0.1)


def _log(far: FarEnd) -> list[dict[str, Any]]:
    deadline = time.monotonic() + SETTLED_SECONDS
    while True:
        log = far.log()
        if not any(entry["outcome"] == "running" for entry in log):
            return log
        if time.monotonic() > deadline:
            raise TimeoutError("the far end is still answering")
        time.sleep(0.2)


def truths(log: Sequence[Mapping[str, Any]]) -> dict[int, Truth]:
    """Give the far end's log by the number that the prompt names."""
    found: dict[int, Truth] = {}
    for entry in log:
        match = _NUMBER.search(entry["body"])
        assert match is not None, entry
        before = found.get(int(match[1]), Truth())
        found[int(match[1])] = Truth(
            before.prompt_tokens + entry["prompt_tokens"],
            before.completion_tokens + entry["completion_tokens"],
            before.requests + 1,
        )
    return found


async def _charges(config: Config, store: Store, numbers: Sequence[int]) -> tuple[dict[int, Charge], tuple[int, int]]:
    company, key = config.companies[COMPANY], config.keys[0]
    rules = Rules(config.quotas, config.ledger.enforcement, config.budgets)
    ledger = Ledger(store, script.load(), lease_seconds=LEASE_SECONDS)
    today = datetime.now(UTC).date()
    records = [one async for one in days(store, COMPANY, today - timedelta(days=1), today, sessions=False)]
    counts = summed(records, [By.USER])

    async def charge(number: int) -> Charge:
        user = User(user_of(number), user_of(number), COMPANY)
        levels = await ledger.read(COMPANY, rules.standing(Caller(key, company, user)))
        level = next(level for level in levels if level.budget.name == "user-monthly")
        return Charge(level.used, level.held, counts.get((user.id,), Counts()))

    charges: dict[int, Charge] = {}
    for at in range(0, len(numbers), READ_AT_ONCE):
        batch = numbers[at : at + READ_AT_ONCE]
        charges |= zip(batch, await asyncio.gather(*map(charge, batch)), strict=True)
    (level,) = await ledger.read(COMPANY, [rules.company_budget(company)])
    return charges, (level.used, level.held)


def _prompt_hold(site: Site) -> int:
    """Give what is held for a prompt: all have the same length."""
    return max(int(line["estimate_tokens"]) for line in site.events("call") if line.get("estimate_tokens"))
