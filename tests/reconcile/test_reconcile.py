"""Drift that was made on purpose is found, named and repaired; where there is none, none is seen."""

from datetime import date

import pytest

from gateway.model import Scope
from gateway.reconcile import Drift, What
from gateway.reconcile.stream import Stream, made_at_ms
from gateway.usage import days as usage_days
from tests.reconcile.busy import ACME, ADA, BOB, DAY, DESK, EVE, HOUR, SHARD, START_MS, Office, busy_days, office

TODAY, FIRST = date(2026, 11, 24), date(2026, 11, 21)
COMPANY_STATE, ADA_STATE = f"{SHARD}b:c:{ACME}", f"{SHARD}b:u:{ACME}:{ADA}"
COMPANY_BUCKETS = f"{SHARD}w:c:{ACME}:company@7d"


@pytest.fixture
async def busy(valkey_store, tmp_path) -> Office:
    """Give a company after three busy days and a morning."""
    one = await office(valkey_store, tmp_path)
    await busy_days(one)
    return one


async def state(one: Office) -> dict[bytes, bytes]:
    """Give every key but the stream and the clock, as the store would dump it."""
    names = sorted(set(await one.store.execute("KEYS", "*")) - {b"clock", f"{SHARD}E".encode()})
    return dict(zip(names, await one.store.pipeline([("DUMP", name) for name in names]), strict=True))


async def numbers(one: Office) -> dict[bytes, object]:
    """Give every hash of counters as a mapping: HDEL and HSET may order its fields anew."""
    found = {}
    for name in sorted(await one.store.execute("KEYS", f"{SHARD}[bw]*")):
        found[name] = await one.store.execute("HGETALL", name)
    return found


async def events(one: Office) -> list[dict[bytes, bytes]]:
    """Give the audit lines."""
    return [
        fields
        for _, fields in await one.store.execute("XRANGE", f"{SHARD}E", "-", "+")
        if fields[b"kind"] == b"repaired"
    ]


def named(drift: Drift) -> tuple[object, ...]:
    """Give what a drift is told by."""
    return drift.holder, drift.budget, drift.day, drift.what


async def test_a_busy_company_has_no_drift(busy):
    """Settled, released, expired, corrected, reported and open: every number is what its witnesses say."""
    before = await state(busy)
    found = await busy.look()
    assert found.drifts == []
    assert {note.budget for note in found.notes} == set()
    assert await state(busy) == before
    assert await events(busy) == []


async def test_with_a_trimmed_stream_the_roll_ups_tell(busy):
    """No event is left: nothing differs, and what nobody can tell of is said."""
    await busy.store.execute("XTRIM", f"{SHARD}E", "MAXLEN", "0")
    found = await busy.look()
    assert found.drifts == []
    told = {note.budget: note.why for note in found.notes}
    assert told["spent"].endswith("the roll-ups know no dollars")
    assert "a part of the calls" in told["large-only"]
    assert told["roll-ups of 2026-11-24"] == "no event reaches back to it"
    assert "asked" not in told


async def change(one: Office, key: str, budget: str, **by: int) -> None:
    """Change a counter by hand."""
    line = (await one.store.execute("HGET", key, budget)).decode().split(":")
    parts = dict(zip(("start", "used", "held", "mark"), map(int, line), strict=True))
    changed = {name: value + by.get(name, 0) for name, value in parts.items()}
    await one.store.execute("HSET", key, budget, ":".join(str(value) for value in changed.values()))


async def _counter(one: Office) -> None:
    await change(one, ADA_STATE, "user-daily@day", used=77)


async def _lowered(one: Office) -> None:
    await change(one, ADA_STATE, "user-monthly@month", used=-77)


async def _requests(one: Office) -> None:
    await change(one, ADA_STATE, "asked@day.requests", used=5)


async def _dollars(one: Office) -> None:
    await change(one, COMPANY_STATE, "spent@day.usd", used=-5)


async def _matched(one: Office) -> None:
    await change(one, COMPANY_STATE, "large-only@week", used=3)


async def _stray(one: Office) -> None:
    await change(one, ADA_STATE, "user-weekly@week", held=40)


async def _stray_rolling(one: Office) -> None:
    await change(one, COMPANY_STATE, "company@7d", held=40)


async def _low_hold(one: Office) -> None:
    await change(one, ADA_STATE, "user-daily@day", held=-30)


async def _bucket(one: Office) -> None:
    width = 30 * 60_000
    await one.store.execute("HDEL", COMPANY_BUCKETS, str(START_MS // width))


async def _lost_counter(one: Office) -> None:
    await one.store.execute("HDEL", f"{SHARD}b:u:{ACME}:{BOB}", "user-weekly@week")


async def _unreadable(one: Office) -> None:
    await one.store.execute("HSET", f"{SHARD}b:u:{ACME}:{EVE}", "user-monthly@month", "nonsense")


DAMAGE = [
    (_counter, {("ada", "user-daily", TODAY, What.USED)}),
    (_lowered, {("ada", "user-monthly", date(2026, 11, 1), What.USED)}),
    (_requests, {("ada", "asked", TODAY, What.USED)}),
    (_dollars, {("", "spent", TODAY, What.USED)}),
    (_matched, {("", "large-only", date(2026, 11, 23), What.USED)}),
    (_stray, {("ada", "user-weekly", None, What.HELD)}),
    (_stray_rolling, {("", "company", None, What.HELD)}),
    (_low_hold, {("ada", "user-daily", None, What.HELD)}),
    (_bucket, {("", "company", FIRST, What.USED), ("", "company", None, What.BUCKETS)}),
    (_lost_counter, {("bob", "user-weekly", date(2026, 11, 23), What.USED)}),
    (_unreadable, {(EVE, "user-monthly", date(2026, 11, 1), What.USED)}),
]


@pytest.mark.parametrize(("damage", "expected"), DAMAGE, ids=lambda one: getattr(one, "__name__", ""))
async def test_damage_is_found_named_and_repaired(busy, damage, expected):
    """One number is changed: it alone is named, looking changes nothing, the repair brings back every number."""
    before = await numbers(busy)
    await damage(busy)
    damaged = await state(busy)
    found = await busy.look()
    assert {named(drift) for drift in found.drifts} == expected
    assert found.has_drift
    assert await state(busy) == damaged
    repaired = await busy.look(repairs=True)
    assert repaired.drifts
    assert not repaired.has_drift
    assert await numbers(busy) == before
    audit = await events(busy)
    assert {event[b"who"] for event in audit} == {b"ops"}
    assert all(event[b"before"] != event[b"after"] or event[b"buckets"] for event in audit)
    assert (await busy.look()).drifts == []


async def test_a_lost_roll_up_is_restored_under_a_name_of_its_own(busy):
    """A day of a user is gone: it is named, and its tokens and requests are there again as input that was estimated."""
    name = f"{SHARD}u:{ACME}:20261122:{BOB}:-"
    lost = {key: int(value) for key, value in (await busy.store.execute("HGETALL", name)).items()}
    await busy.store.execute("DEL", name)
    found = await busy.look()
    assert {named(drift) for drift in found.drifts} == {("bob", "-", date(2026, 11, 22), What.ROLLUP)}
    assert not (await busy.look(repairs=True)).has_drift
    assert (await busy.look()).drifts == []
    records = [one async for one in usage_days(busy.store, ACME, date(2026, 11, 22), date(2026, 11, 22))]
    (line,) = [counts for one in records if one.user_id == BOB for counts in one.counts.values()]
    wanted = {kind: sum(value for key, value in lost.items() if key.startswith(kind)) for kind in (b"weighted", b"req")}
    assert (line.weighted, line.requests, line.estimated) == (wanted[b"weighted"], wanted[b"req"], line.weighted)
    (audit,) = await events(busy)
    assert audit[b"roll-up"] == name.encode()


async def test_a_roll_up_with_too_much_is_told_and_left(busy):
    """No event says which line of a roll-up is too much: it is named, and not touched."""
    name = f"{SHARD}u:{ACME}:20261122:{BOB}:-"
    field = next(key for key in await busy.store.execute("HKEYS", name) if key.startswith(b"weighted:"))
    await busy.store.execute("HINCRBY", name, field, 9)
    before = await state(busy)
    found = await busy.look(repairs=True)
    assert {named(drift) for drift in found.drifts} == {("bob", "-", date(2026, 11, 22), What.ROLLUP)}
    assert found.has_drift
    assert await state(busy) == before


async def test_without_events_a_counter_is_raised_and_never_lowered(busy):
    """The roll-ups may be what was lost: too little is repaired by them, too much is told."""
    await busy.store.execute("XTRIM", f"{SHARD}E", "MAXLEN", "0")
    await change(busy, ADA_STATE, "user-daily@day", used=50)
    await change(busy, ADA_STATE, "user-weekly@week", used=-50)
    found = await busy.look(repairs=True)
    assert {(drift.budget, drift.is_open) for drift in found.drifts} == {("user-daily", True), ("user-weekly", False)}
    assert {drift.budget for drift in (await busy.look()).drifts} == {"user-daily"}


async def test_without_events_a_lost_bucket_comes_back_late_in_its_day(busy):
    """Its tokens leave the window no earlier than they would have."""
    await busy.store.execute("XTRIM", f"{SHARD}E", "MAXLEN", "0")
    used = await busy.store.execute("HGET", COMPANY_STATE, "company@7d")
    await _bucket(busy)
    assert not (await busy.look(repairs=True)).has_drift
    assert (await busy.store.execute("HGET", COMPANY_STATE, "company@7d")).split(b":")[1] == used.split(b":")[1]
    assert (await busy.look()).drifts == []


async def test_an_agent_s_lost_bucket_is_found_by_the_roll_ups(busy):
    """Events do not name agents; the roll-ups do, and what is missing comes back on its day."""
    key = f"{SHARD}w:a:{ACME}:{DESK}:by-desk@2d"
    used = (await busy.store.execute("HGET", f"{SHARD}b:a:{ACME}:{DESK}", "by-desk@2d")).split(b":")[1]
    newest = max(int(place) for place in await busy.store.execute("HKEYS", key))
    await busy.store.execute("HDEL", key, str(newest))
    found = await busy.look(repairs=True)
    assert ("desk", "by-desk", TODAY, What.USED) in {named(drift) for drift in found.drifts}
    assert not found.has_drift
    assert (await busy.store.execute("HGET", f"{SHARD}b:a:{ACME}:{DESK}", "by-desk@2d")).split(b":")[1] == used
    assert (await busy.look()).drifts == []


async def test_leases_and_deadlines_are_brought_together(busy):
    """A lease that nothing would end gets a deadline that has passed; a deadline of nothing goes."""
    (call,) = await busy.store.execute("HKEYS", f"{SHARD}L")
    await busy.store.execute("ZREM", f"{SHARD}D", call)
    await busy.store.execute("ZADD", f"{SHARD}D", "5", "stray")
    found = await busy.look()
    assert {(drift.budget, drift.what) for drift in found.drifts} == {
        (f"call {call.decode()}", What.LEASES),
        ("call stray", What.LEASES),
    }
    assert not (await busy.look(repairs=True)).has_drift
    assert await busy.store.execute("ZRANGE", f"{SHARD}D", "0", "-1") == [call]
    assert await busy.ledger.reap(SHARD) == 1
    assert (await busy.look()).drifts == []


async def test_a_limit_that_no_event_set_is_told(busy):
    """Who changed a limit in the store past the API left no event: it is named, and stays."""
    asked = next(ask.budget for ask in (await busy.hold("ada", 1, 1))[0].order.asks if ask.budget.name == "asked")
    await busy.ledger.override(ACME, {asked: 500}, "boss")
    assert (await busy.look()).drifts == []
    await busy.store.execute("HSET", f"{SHARD}o:u:{ACME}:{ADA}", "asked@day.requests", "900:1:thief")
    (drift,) = (await busy.look(repairs=True)).drifts
    assert named(drift) == ("ada", "asked", None, What.LIMIT)
    assert drift.stands == "900:1:thief"
    assert drift.is_open


async def test_what_became_of_a_call_is_told(busy):
    """A doubtful settle is resolved by the events: charged before, still open, or never."""
    open_call = (await busy.store.execute("HKEYS", f"{SHARD}L"))[0].decode()
    never = "01KAK0000000000000000000AA"
    settled, live, unknown = (await busy.look(calls=("call-1", open_call, never))).calls
    assert settled.startswith("call-1: settled at 2026-")
    assert "company@7d=100" in settled
    assert live == f"{open_call}: its hold is live; it is charged when it ends or expires"
    assert unknown.startswith(f"{never}: never charged")


async def test_a_charge_that_was_sent_too_late_belongs_to_its_call_s_own_day(busy):
    """Its event has when it was sent; the id of the call has when it was made."""
    made_ms, sent_ms = START_MS + HOUR, busy.clock.now_ms
    number, call = made_ms << 80, ""
    for _ in range(26):
        number, place = divmod(number, 32)
        call = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"[place] + call
    stream = Stream(busy.store, SHARD, {"company@7d": Scope.COMPANY})
    fields = ("call", call, "who", f"{ACME}|-|shared", "admitted", sent_ms, "charged", "company@7d=9")
    await busy.store.execute("XADD", f"{SHARD}E", f"{sent_ms}-999", "kind", "recovered", *fields)
    await stream.open()
    assert (made_ms, 9) in stream.charged(f"c:{ACME}", "company@7d")
    assert made_at_ms("call-1") is None


async def test_days_later_nothing_has_drifted(busy):
    """Windows that have passed are nobody's: neither they nor the buckets that left are drift."""
    for _ in range(9):
        await busy.clock.advance(DAY + HOUR)
        await busy.ledger.reap(SHARD)
        assert (await busy.look()).drifts == []
        await busy.call("bob", 15)
        assert (await busy.look()).drifts == []
