"""Owns the order of a reconciliation: each company's shard, its events, its budgets, its roll-ups, its limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from gateway.budget import keys as ledger_keys
from gateway.budget.windows import DAY_MS
from gateway.config import Config
from gateway.errors import StoreUnavailable
from gateway.model import Company, Rolling, Scope
from gateway.reconcile.bench import DONE, WOULD, Bench, day_of, days_between, glance
from gateway.reconcile.budgets import compare
from gateway.reconcile.calls import became
from gateway.reconcile.days import compare_rollups
from gateway.reconcile.drift import Drift, Note, What
from gateway.reconcile.holdings import Holding, holdings
from gateway.reconcile.looking import Scripts, load
from gateway.reconcile.stream import Stream
from gateway.reconcile.traffic import Traffic
from gateway.store.connection import Store
from gateway.store.shards import prefix

_LONGEST_CALENDAR_DAYS = 38
"""What a month and the week before it may reach back."""

_LIMIT_REMEDY = "set it anew through the API"


@dataclass(slots=True)
class Reconciled:
    """What was found in all: drifts, what could not be compared (and of how many budgets), what became of calls.

    `away` names the companies of which nothing is known, as their part of the store is away, with what was heard of it.
    """

    away: dict[str, str] = field(default_factory=dict)
    drifts: list[Drift] = field(default_factory=list)
    notes: dict[Note, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    @property
    def has_drift(self) -> bool:
        """Say whether anything is still not as it should be."""
        return any(drift.is_open for drift in self.drifts)


async def reconcile(
    store: Store,
    config: Config,
    companies: Sequence[Company],
    *,
    who: str,
    repairs: bool = False,
    calls: Sequence[str] = (),
    scripts: Scripts | None = None,
) -> Reconciled:
    """Compare these companies' numbers, and with `repairs` change those that are wrong, as `who`.

    Raises StoreUnavailable where it is away for all of them.
    """
    result, scripts = Reconciled(), scripts or load()
    streams: dict[str, Stream] = {}
    for company in companies:
        shard = prefix(company.id)
        try:
            if shard not in streams:
                stream = Stream(store, shard, _scopes(config))
                await stream.open()
                await _leases(store, scripts, shard, company, who, result, repairs=repairs)
                streams[shard] = stream
        except StoreUnavailable as exc:
            result.away[company.name] = exc.message
            if len(result.away) == len(companies):
                raise
            continue
        bench = Bench(
            config, company, store, scripts, streams[shard], Traffic(store, company.id), repairs=repairs, who=who
        )
        await _company(bench)
        result.drifts += bench.drifts
        result.notes |= bench.notes
    result.calls += [await _call(store, streams, call_id) for call_id in calls]
    return result


def _scopes(config: Config) -> dict[str, Scope]:
    return {
        holding.budget.id: holding.budget.scope
        for company in config.companies.values()
        for holding in holdings(config, company, ["-"])
    }


async def _leases(
    store: Store, scripts: Scripts, shard: str, company: Company, who: str, result: Reconciled, *, repairs: bool
) -> None:
    names = ledger_keys.shared(shard)
    reply = msgspec.msgpack.decode(await store.run(scripts.deadlines, names, [int(repairs), who]))
    remedy = DONE if repairs else WOULD
    for calls, stands in zip(reply, ("a lease without a deadline", "a deadline without a lease"), strict=True):
        for call in calls or ():
            whose = company.name, f"shard {shard.rstrip(':')}", f"call {call}"
            should = "both or neither"
            result.drifts.append(
                Drift(*whose, None, What.LEASES, stands, should, "leases", remedy, is_open=not repairs)
            )


async def _company(bench: Bench) -> None:
    own = next(holdings(bench.config, bench.company, ()))
    now_ms = (await glance(bench, own)).now_ms
    window = bench.company.budget.window_days
    longest = max(_LONGEST_CALENDAR_DAYS, window + 1, *(_rolling_days(bench.config)))
    days = days_between(now_ms // DAY_MS * DAY_MS - longest * DAY_MS, now_ms // DAY_MS * DAY_MS + DAY_MS)
    await bench.traffic.read(days or [day_of(now_ms)])
    users = {user_id for owner, user_id in bench.config.users if owner == bench.company.id} | set(bench.traffic.users())
    users |= set(bench.stream.users(bench.company.id)) - {"-"}
    every = list(holdings(bench.config, bench.company, users))
    # Roll-ups first: they are a witness of the counters.
    await compare_rollups(bench, every[0], now_ms)
    for holding in every:
        await compare(bench, holding, now_ms)
    await _limits(bench, every)


def _rolling_days(config: Config) -> list[int]:
    return [rule.window.days + 1 for rule in config.budgets if isinstance(rule.window, Rolling)]


async def _limits(bench: Bench, every: Sequence[Holding]) -> None:
    """Compare the limits set through an API with the events of their setting; the next one sets it right."""
    names = [ledger_keys.overrides(bench.prefix, holding.budget.subject) for holding in every]
    commands = [("HGET", name, holding.budget.id) for name, holding in zip(names, every, strict=True)]
    lines = await bench.store.pipeline(commands)
    await bench.stream.read_to("+")
    for holding, reply in zip(every, lines, strict=True):
        line = (reply or b"").decode()
        told = bench.stream.limits.get((holding.budget.subject, holding.budget.id))
        if told is None and line and not bench.stream.is_complete:
            bench.note(holding, "when its limit was set through the API: no event reaches back to it")
        elif (told or "") != line and await _still(bench, holding, line):
            whose = bench.company.name, bench.holder(holding), holding.budget.name
            numbers = line or "none", told or "none"
            bench.drifts.append(Drift(*whose, None, What.LIMIT, *numbers, "events", _LIMIT_REMEDY))


async def _still(bench: Bench, holding: Holding, line: str) -> bool:
    """Say whether a limit still is what it was: else it was set while we read, and its event is among the next."""
    name = ledger_keys.overrides(bench.prefix, holding.budget.subject)
    return (await bench.store.execute("HGET", name, holding.budget.id) or b"").decode() == line


async def _call(store: Store, streams: dict[str, Stream], call_id: str) -> str:
    for shard, stream in streams.items():
        is_live = bool(await store.execute("HEXISTS", shard + ledger_keys.LEASES, call_id))
        if is_live or call_id in stream.calls:
            return became(call_id, stream, is_live=is_live)
    return became(call_id, max(streams.values(), key=lambda stream: stream.first_ms), is_live=False)
