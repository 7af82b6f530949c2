"""Owns comparing the roll-ups of a day with what the events tell of it, for each user.

The rule that matters: what a roll-up lacks can be added, under a name that says so; what it has too much is told and
left, for no event says which of its lines is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from gateway.budget import keys as ledger_keys
from gateway.budget.windows import DAY_MS
from gateway.reconcile.bench import BUSY, DONE, TRIES, WOULD, Bench, day_of, seen, start_of
from gateway.reconcile.drift import EVENTS, Drift, Note, What
from gateway.reconcile.holdings import SLICED, Holding
from gateway.reconcile.looking import Sums
from gateway.reconcile.stream import NOBODY
from gateway.usage import keys, usage_key

EVENT_DAYS = 8
"""Days that events may tell of: they are kept for seven, from an instant on."""

RECONCILED = "reconciled"
_ADDED = usage_key(RECONCILED, "usage", "", "", chargeable=False, purpose="reconcile")


@dataclass(frozen=True, slots=True)
class _Lack:
    """A user's roll-ups of a day, by pair, that differ by so much from what events tell; negative is too much."""

    day: date
    user: str
    sums: dict[str, Sums]
    weighted: int
    requests: int


async def compare_rollups(bench: Bench, holding: Holding, now_ms: int) -> None:
    """Compare the roll-ups of each day that the events cover; `holding` is the company's own budget."""
    today = day_of(now_ms)
    for n in reversed(range(EVENT_DAYS)):
        day = today - timedelta(days=n)
        if (bench.company.id, start_of(day) // DAY_MS) in bench.stream.sliced:
            bench.notes[Note(bench.company.name, f"roll-ups of {day}", SLICED)] = 1
        elif bench.stream.covers(start_of(day)):
            await _compare_day(bench, holding, day, now_ms)
        elif n < EVENT_DAYS - 1:
            bench.notes[Note(bench.company.name, f"roll-ups of {day}", "no event reaches back to it")] = 1


async def _compare_day(bench: Bench, holding: Holding, day: date, now_ms: int) -> None:
    for _ in range(TRIES):
        lacks = await _lacks(bench, holding, day, now_ms)
        if lacks is None:
            break
        is_settled = True
        for lack in lacks:
            doubt = "no event says which line is too much" if lack.weighted < 0 else ""
            remedy = doubt or WOULD
            if bench.repairs and not doubt:
                remedy = DONE
                is_settled = await _restored(bench, lack)
            if not is_settled:
                break
            _found(bench, lack, remedy)
        if is_settled:
            return
    bench.notes[Note(bench.company.name, f"roll-ups of {day}", BUSY)] = 1


def _found(bench: Bench, lack: _Lack, remedy: str) -> None:
    holder = "" if lack.user == NOBODY else bench.user_name(lack.user)
    stands = sum(sums.weighted for sums in lack.sums.values())
    numbers = f"{stands:,}", f"{stands + lack.weighted:,}"
    drift = Drift(
        bench.company.name, holder, "-", lack.day, What.ROLLUP, *numbers, EVENTS, remedy, is_open=remedy != DONE
    )
    if drift not in bench.drifts:
        bench.drifts.append(drift)


async def _lacks(bench: Bench, holding: Holding, day: date, now_ms: int) -> Sequence[_Lack] | None:
    one = await seen(bench, holding, [day], now_ms)
    if one is None:
        return None
    by_user: dict[str, dict[str, Sums]] = {user: {} for user in bench.stream.users(bench.company.id)}
    for (_, pair), sums in one.sums.items():
        by_user.setdefault(keys.parse_pair(pair)[0] or NOBODY, {})[pair] = sums
    found = []
    for user, rows in sorted(by_user.items()):
        start_ms = start_of(day)
        weighted, calls = bench.stream.consumed(bench.company.id, user, start_ms, start_ms + DAY_MS)
        missing = weighted - sum(sums.weighted for sums in rows.values())
        if missing:
            requests = max(0, calls - sum(sums.requests for sums in rows.values()))
            found.append(_Lack(day, user, rows, missing, requests))
    return found


async def _restored(bench: Bench, lack: _Lack) -> bool:
    """Add what is missing to the user's roll-up of the day: to the one there is, else to that without an agent."""
    company, pairs = bench.company.id, list(lack.sums)
    if len(pairs) != 1:
        pairs = [f"{lack.user}|{NOBODY}", *(pair for pair in pairs if pair != f"{lack.user}|{NOBODY}")]
    nothing = Sums(0, 0, 0, 0)
    amounts = {"requests": lack.requests, "input": lack.weighted, "estimated": lack.weighted, "weighted": lack.weighted}
    added = [part for kind, amount in amounts.items() if amount for part in (f"{kind}:{_ADDED}", amount)]
    names = [
        *ledger_keys.shared(bench.prefix),
        keys.index(company, lack.day),
        *(keys.rollup(keys.USAGE, company, lack.day, pair) for pair in pairs),
    ]
    subject = ledger_keys.user_subject(company, lack.user)
    ttl_seconds = bench.config.store.retention_days * 86_400
    head: list[str | int] = [pairs[0], ttl_seconds, bench.who, subject, f"roll-up of {lack.day}", len(pairs)]
    arguments: list[str | int] = [*head, *(lack.sums.get(pair, nothing).weighted for pair in pairs), *added]
    answer = msgspec.msgpack.decode(await bench.store.run(bench.scripts.restore, names, arguments))
    await bench.traffic.read([lack.day])
    return bool(answer[0] == "restored")
