"""Reading the roll-ups back from a real store after charges of a real room."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from gateway.model import Endpoint, Rollup, Usage, User
from gateway.store.connection import Store
from gateway.usage import By, Counts, DayRecord, Totals, credits_by_day, days, parse_usage_key, summed, with_key_names
from gateway.usage.queries import BATCH
from tests.usage.charges import (
    ADA,
    BOB,
    COMPANY_ID,
    DAY_MS,
    DT,
    HELPDESK,
    IE,
    LOCAL,
    NOON_MS,
    PLAIN,
    QA,
    charge,
    rollups,
)

DAY_ONE, DAY_TWO = date(2026, 11, 21), date(2026, 11, 22)
RIVAL_ID = "99999999-9999-4999-8999-999999999999"


async def apply(store: Store, added: Iterable[Rollup], sign: int = 1) -> None:
    """Add roll-ups the way the ledger's scripts do."""
    for rollup in added:
        commands = [("HINCRBY", item.key, item.field, sign * item.amount) for item in rollup.increments]
        commands += [("SADD", name, member) for name, member in rollup.members if sign > 0]
        await store.pipeline(commands)


async def read(store: Store, company_id: str = COMPANY_ID) -> list[DayRecord]:
    """Read two days."""
    return [record async for record in days(store, company_id, DAY_ONE, DAY_TWO)]


async def test_what_was_charged_is_read_back(valkey_store: Store) -> None:
    """Each day, user and agent is one record with its tokens, totals and sessions; other companies have none."""
    room = rollups()
    await apply(
        valkey_store,
        [
            room.charged(charge(purpose=QA, session="s1"), NOON_MS, Usage(100, 50, 20, 0, 5), 150),
            room.charged(charge(purpose=DT, session="s1"), NOON_MS, Usage(10, 5, estimated=True), 15),
            room.charged(charge(LOCAL, QA, session="s2"), NOON_MS, Usage(7, 3), 10),
            room.charged(
                charge(purpose=IE, endpoint=Endpoint.EMBEDDINGS, user=None, imported_chars=9), NOON_MS, Usage(4), 4
            ),
            room.charged(charge(user=BOB, agent=None, session="s1"), NOON_MS + DAY_MS, Usage(1, 1), 2),
        ],
    )
    nobody, ada, bob = await read(valkey_store)
    assert [(r.day, r.user_id, r.agent_id) for r in (nobody, ada, bob)] == [
        (DAY_ONE, None, HELPDESK.id),
        (DAY_ONE, ADA.id, HELPDESK.id),
        (DAY_TWO, BOB.id, None),
    ]
    assert ada.counts == {
        parse_usage_key("openai|chat|sk-...abcd|gpt-4o-mini|$|QA"): Counts(100, 50, 20, 0, 5, 1, 0, 150),
        parse_usage_key("openai|chat|sk-...abcd|gpt-4o-mini|$|DT"): Counts(10, 5, 0, 0, 0, 1, 15, 15),
        parse_usage_key("local|chat|sk-...abcd|llama3||QA"): Counts(7, 3, 0, 0, 0, 1, 0, 10),
    }
    assert ada.totals == Totals(completions=2, completions_deep=1, free_completions=1)
    assert nobody.totals == Totals(imported_chars=9)
    assert (len(ada.sessions), len(ada.valid_sessions), len(ada.deep_sessions)) == (2, 1, 1)
    assert bob.sessions == ada.valid_sessions
    assert not await read(valkey_store, RIVAL_ID)


async def test_sums_group_by_any_part(valkey_store: Store) -> None:
    """Records add up by model, purpose, user, agent, day, month or several of these, and always to the same whole."""
    room = rollups()
    calls = [
        (charge(purpose=QA), NOON_MS, Usage(100, 50)),
        (charge(purpose=DT), NOON_MS, Usage(10, 5)),
        (charge(LOCAL, QA, agent=None), NOON_MS + DAY_MS, Usage(7, 3)),
        (charge(purpose=PLAIN, user=None), NOON_MS + DAY_MS, Usage(1, 1)),
    ]
    await apply(valkey_store, [room.charged(used, at_ms, usage, 0) for used, at_ms, usage in calls])
    records = await read(valkey_store)

    def inputs(*by: By) -> dict[tuple[str, ...], int]:
        return {group: counts.input for group, counts in summed(records, by).items()}

    assert inputs(By.MODEL) == {("gpt-4o-mini",): 111, ("llama3",): 7}
    assert inputs(By.PURPOSE) == {("QA",): 107, ("DT",): 10, ("P",): 1}
    assert inputs(By.USER) == {(ADA.id,): 117, ("",): 1}
    assert inputs(By.AGENT) == {(HELPDESK.id,): 111, ("",): 7}
    assert inputs(By.DAY) == {("2026-11-21",): 110, ("2026-11-22",): 8}
    assert inputs(By.MONTH, By.CHARGE) == {("2026-11", "$"): 111, ("2026-11", ""): 7}
    assert inputs(By.KEY) == {("sk-...abcd",): 118}
    assert inputs(By.PROVIDER, By.ENDPOINT) == {("openai", "chat"): 111, ("local", "chat"): 7}
    assert summed(records, []) == {(): Counts(118, 59, requests=4)}
    assert summed([], [By.DAY]) == {}


async def test_credits_are_read_by_billing_day(valkey_store: Store) -> None:
    """Each billing day gives its categories; a day without any is not there."""
    room = rollups()
    late_ms = NOON_MS + DAY_MS // 2 - 60_000  # 23:59 UTC is the next day in Rome
    await apply(
        valkey_store,
        [
            room.charged(charge(), NOON_MS, Usage(1000, 0), 0),
            room.charged(charge(purpose=PLAIN, is_tool_turn=True), NOON_MS, Usage(0, 1000), 0),
            room.charged(charge(), late_ms, Usage(1000, 0), 0),
        ],
    )
    bills = await credits_by_day(valkey_store, COMPANY_ID, date(2026, 8, 1), date(2026, 12, 31))
    assert bills == {DAY_ONE: {"chat": 150_000, "tool_call": 600_000}, DAY_TWO: {"chat": 150_000}}


async def test_a_late_settle_leaves_no_trace_of_the_estimate(valkey_store: Store) -> None:
    """When an expired lease's charge is taken back and the true one added, only the true one is read."""
    room = rollups()
    expired = room.charged(charge(purpose=DT), NOON_MS, Usage(900, 900, estimated=True), 1800)
    await apply(valkey_store, [expired])
    await apply(valkey_store, [expired], sign=-1)
    await apply(valkey_store, [room.charged(charge(purpose=QA), NOON_MS, Usage(5, 6), 11)])
    (record,) = await read(valkey_store)
    assert record.counts == {
        parse_usage_key("openai|chat|sk-...abcd|gpt-4o-mini|$|QA"): Counts(5, 6, requests=1, weighted=11)
    }
    assert record.totals == Totals(completions=1)


async def test_a_day_of_many_users_is_read_in_batches(valkey_store: Store) -> None:
    """More users than fit into a round trip are all read, once, in order."""
    room = rollups()
    users = [User(f"{n:08x}-0000-4000-8000-000000000000", str(n), COMPANY_ID) for n in range(20 * BATCH + 1)]
    await apply(valkey_store, [room.charged(charge(user=user), NOON_MS, Usage(1), 1) for user in users])
    assert [record.user_id for record in await read(valkey_store)] == [user.id for user in users]


async def test_sessions_can_be_left_out(valkey_store: Store) -> None:
    """Who only wants sums does not read them."""
    added = rollups().charged(charge(session="s1"), NOON_MS, Usage(5, 6), 11)
    await apply(valkey_store, [added])
    (whole,) = await read(valkey_store)
    (record,) = [one async for one in days(valkey_store, COMPANY_ID, DAY_ONE, DAY_TWO, sessions=False)]
    assert len(whole.sessions) == 1
    assert record == replace(whole, sessions=frozenset(), valid_sessions=frozenset())


async def test_an_inverted_range_is_empty(valkey_store: Store) -> None:
    """From tomorrow to today there is nothing."""
    assert [record async for record in days(valkey_store, COMPANY_ID, DAY_TWO, DAY_ONE)] == []
    assert await credits_by_day(valkey_store, COMPANY_ID, DAY_TWO, DAY_ONE) == {}


def test_keys_get_their_names() -> None:
    """Only keys are renamed, and a hint that no key of the configuration has stays as it is."""
    sums = {("sk-...abcd", "sk-...abcd"): Counts(1), ("m", "sk-...gone"): Counts(2)}
    named = with_key_names(sums, (By.MODEL, By.KEY), {"sk-...abcd": "laptop"})
    assert named == {("sk-...abcd", "laptop"): Counts(1), ("m", "sk-...gone"): Counts(2)}
    assert with_key_names({(): Counts(1)}, (), {}) == {(): Counts(1)}
