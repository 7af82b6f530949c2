"""What operations say to the script: budgets prepared once, keys named once, and records of before read as ever."""

import msgspec

from gateway.budget import Lease
from gateway.budget.operations import Operations
from gateway.budget.record import by_policy, forwarded
from gateway.budget.wire import Operation, Position
from gateway.model import Calendar, Increment, Lifetime, Period, Rollup
from gateway.store.shards import prefix
from tests.budget.orders import DAY, HOUR, ONE, SHARD, budget, order

DAILY, MONTHLY = budget(100, Calendar(Period.DAY), "day"), budget(-1, Calendar(Period.MONTH), "month")
ROLLING, EVER = budget(1000), budget(-1, Lifetime(), "ever", subject="u:x:ada")
USAGE = f"{SHARD}u:x"
PLAN = Rollup((Increment(USAGE, "output", 5, ONE), Increment(USAGE, "requests", 1)), ((f"{SHARD}i:x", "ada|-"),), 1000)
MIDNIGHT = 20_000 * DAY
ROWS, ENTRIES = 9, 6


def _operations() -> Operations:
    return Operations(lease_ms=60_000)


def _named(op: Operation, rows: list, places: int) -> list[list]:
    """Give rows with the names of their keys, of which there are so many at their beginning."""
    names = ["", *op.keys]
    return [[*(names[place] for place in row[:places]), *row[places:]] for row in rows]


def test_an_operation_names_each_key_once():
    """Budgets of one subject share theirs, and what an expiry would have charged is mostly what a settle charges."""
    asked = order("call", ROLLING, DAILY, MONTHLY, EVER, prompt=3, plan=PLAN)
    reserve = _operations().reserve(asked, MIDNIGHT)
    lease = Lease(asked, MIDNIGHT, 0, (Position(0, 0),) * 4, (), reserve)
    settle = _operations().settle(lease, [1, 1, 1, 1], Rollup((Increment(f"{SHARD}c:x", "chat", 1),), (), 1000))
    state, tombstone = f"{SHARD}b:c:x", f"{SHARD}t:call"
    for op in (reserve, settle):
        assert len(op.keys) == len(set(op.keys))
    assert {state, tombstone, USAGE, f"{SHARD}o:c:x", f"{SHARD}i:x", f"{SHARD}w:c:x:tokens"} < set(reserve.keys)
    assert {state, tombstone, USAGE, f"{SHARD}c:x", f"{SHARD}w:c:x:tokens"} < set(settle.keys)
    rows = _named(reserve, reserve.fields[ROWS], 3)
    assert rows[1][:5] == [state, "", f"{SHARD}o:c:x", "day", "c"]
    assert _named(settle, settle.fields[ENTRIES], 2)[3] == [f"{SHARD}bl:u:x:ada", "", "ever", "l", 0, 0, 0]


def test_what_is_prepared_follows_the_calendar():
    """A budget of the day is asked about in the day that it is, and those beside it stay where they are."""
    operations, asked = _operations(), order("call", ROLLING, DAILY, MONTHLY)
    days = [operations.reserve(asked, MIDNIGHT + after).fields[ROWS] for after in (0, DAY - 1, DAY, 0, DAY + HOUR)]
    assert [rows[1][5] for rows in days] == [MIDNIGHT, MIDNIGHT, MIDNIGHT + DAY, MIDNIGHT, MIDNIGHT + DAY]
    assert [rows[1][6] for rows in days] == [row[5] + DAY for row in (rows[1] for rows in days)]
    assert len({rows[0] for rows in days}) == 1


def test_what_is_prepared_is_of_one_shard():
    """The same budgets in another shard have other keys."""
    operations = _operations()
    for shard in (SHARD, prefix("elsewhere"), SHARD):
        for names, _ in (
            operations.specs.rows(shard, order("call", DAILY).asks, MIDNIGHT),
            operations.specs.entries(shard, order("call", DAILY).asks, (Position(0, 0),)),
        ):
            assert names
            assert all(name.startswith(shard) for name in names)


def test_a_call_that_is_held_again_leaves_what_is_prepared_alone():
    """Whatever the limits say is for that call only."""
    operations, asked = _operations(), order("call", ROLLING, DAILY)
    before = operations.reserve(asked, MIDNIGHT).fields[ROWS]
    again = operations.reserve_again(asked, 7, MIDNIGHT).fields[ROWS]
    forced = operations.extend(asked, 7, MIDNIGHT, forced=True).fields[5]
    assert again == forced == [(*row[:10], 0, *row[11:]) for row in before]
    assert operations.reserve(asked, MIDNIGHT).fields[ROWS] == before


def test_a_record_that_names_keys_again_is_read():
    """Journals of before name a key for each budget that has it, and the tombstone first; they charge the same."""
    asked = order("call", DAILY, MONTHLY, prompt=3, want=9, plan=PLAN)
    lease = Lease(asked, MIDNIGHT, 9, (Position(MIDNIGHT, MIDNIGHT + DAY), Position(0, 40 * DAY)), ())
    now = forwarded(SHARD, msgspec.structs.replace(lease, asked=_operations().reserve(asked, MIDNIGHT)))
    state, overrides = f"{SHARD}b:c:x", f"{SHARD}o:c:x"
    names = [f"{SHARD}t:call", state, overrides, state, overrides, USAGE, f"{SHARD}i:x"]
    rows = [
        [2, 0, 3, "day", "c", MIDNIGHT, MIDNIGHT + DAY, 0, 0, 100, 2, 3, ONE, 1],
        [4, 0, 5, "month", "c", MIDNIGHT, MIDNIGHT + 30 * DAY, 0, 0, -1, 2, 3, ONE, 1],
    ]
    plan = [[[6, "output", 5, ONE], [6, "requests", 1, 0]], [[7, "ada|-"]], 1000]
    fields = ["reserve", 3, "call", 1, 60_000, 1, 9, 0, 0, rows, plan, "tester"]
    places = [[MIDNIGHT, MIDNIGHT + DAY], [0, 40 * DAY]]
    before = msgspec.msgpack.encode([SHARD, names, fields, MIDNIGHT, 9, places])
    settles = [by_policy(content)[1] for content in (before, now)]
    entries = [_named(op, op.fields[ENTRIES], 2) for op in settles]
    assert entries[0] == entries[1]
    assert [op.fields[7] for op in settles] == [[12, 12], [12, 12]]
    assert [op.keys[op.fields[3] - 1] for op in settles] == [f"{SHARD}t:call"] * 2
    assert [_named(op, op.fields[8][0], 1) for op in settles] == [
        [[USAGE, "output", 14, 0], [USAGE, "requests", 1, 0]]
    ] * 2
