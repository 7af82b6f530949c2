"""What a charge adds: field by field, and its sums against a plain model."""

from collections import Counter
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.value import Credits
from gateway.model import CATEGORIES, Caller, Endpoint, Key, Provider, Purpose, Rollup, Usage
from gateway.usage import Charge, category
from gateway.usage.keys import session_digest
from tests.usage.charges import (
    ACME,
    ADA,
    BOB,
    DAY_MS,
    DT,
    HELPDESK,
    IE,
    KEY,
    LOCAL,
    NOON_MS,
    OPENAI,
    PLAIN,
    PRICES,
    QA,
    charge,
    rollups,
)

U = "openai|chat|sk-...abcd|gpt-4o-mini|$|QA"

COMPLETING = {
    Endpoint.CHAT,
    Endpoint.COMPLETIONS,
    Endpoint.RESPONSES,
    Endpoint.RESPONSES_COMPACT,
    Endpoint.MESSAGES,
    Endpoint.GENERATE_CONTENT,
    Endpoint.OLLAMA_CHAT,
    Endpoint.OLLAMA_GENERATE,
    Endpoint.CONVERSE,
}
"""What answers a person: the rest embeds, counts, listens or draws."""


def sums(rollup: Rollup, completion_tokens: int = 0) -> dict[tuple[str, str], int]:
    """Give what a roll-up adds: (the key's letter and day, field) -> amount, as the ledger computes it."""
    added: Counter[tuple[str, str]] = Counter()
    for item in rollup.increments:
        letter, _, day = item.key.split(":")[1:4]
        grown = ceil(completion_tokens * item.per_token_micros / 1_000_000)
        added[f"{letter}:{day}", item.field] += item.amount + grown
    return dict(added)


def fields(rollup: Rollup, completion_tokens: int = 0) -> dict[str, int]:
    """Give what a roll-up adds by field, whatever the day."""
    return {field: amount for (_, field), amount in sums(rollup, completion_tokens).items()}


def test_a_settled_call() -> None:
    """A plain chat call adds its tokens, a request, a completion and its credits; nothing that is zero."""
    added = rollups().charged(charge(), NOON_MS, Usage(1000, 500), 1500)
    assert sums(added) == {
        ("u:20261121", f"requests:{U}"): 1,
        ("u:20261121", f"input:{U}"): 1000,
        ("u:20261121", f"output:{U}"): 500,
        ("u:20261121", f"weighted:{U}"): 1500,
        ("u:20261121", "completions"): 1,
        ("c:20261121", "chat"): 150_000 + 300_000,
    }
    assert added.ttl_seconds == 400 * 86_400
    assert [member for _, member in added.members] == [f"{ADA.id}|{HELPDESK.id}"]


def test_every_class_of_token_is_counted() -> None:
    """Cached, cache-write and reasoning tokens stand beside the totals that include them; estimates are marked."""
    added = fields(rollups().charged(charge(), NOON_MS, Usage(100, 50, 20, 10, 5, estimated=True), 90))
    kinds = {name.partition(":")[0]: amount for name, amount in added.items() if ":" in name}
    assert kinds == {
        "requests": 1, "input": 100, "output": 50, "cache_read": 20, "cache_creation": 10, "reasoning": 5,
        "estimated": 150, "weighted": 90,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("provider", "purpose", "endpoint", "expected"),
    [
        (OPENAI, QA, Endpoint.CHAT, {"completions": 1}),
        (OPENAI, QA, Endpoint.COMPLETIONS, {"completions": 1}),
        (OPENAI, DT, Endpoint.CHAT, {"completions": 1, "completions_deep": 1}),
        (LOCAL, QA, Endpoint.CHAT, {"free_completions": 1}),
        (LOCAL, DT, Endpoint.CHAT, {"free_completions": 1, "free_completions_deep": 1}),
        (OPENAI, QA, Endpoint.EMBEDDINGS, {}),
        (OPENAI, IE, Endpoint.EMBEDDINGS, {"imported_chars": 77}),
        (LOCAL, IE, Endpoint.CHAT, {"free_completions": 1, "free_imported_chars": 77}),
    ],
)
def test_completions_and_imports(
    provider: Provider, purpose: Purpose, endpoint: Endpoint, expected: dict[str, int]
) -> None:
    """Completions are of chats only, imports of import purposes only, and both are free where the customer pays."""
    used = charge(provider, purpose, endpoint, imported_chars=77)
    added = fields(rollups().charged(used, NOON_MS, Usage(10, 5), 15))
    assert {name: n for name, n in added.items() if ":" not in name and name not in CATEGORIES} == expected


@pytest.mark.parametrize(
    ("provider", "purpose", "endpoint", "letters"),
    [
        (OPENAI, QA, Endpoint.CHAT, "sv"),
        (OPENAI, DT, Endpoint.CHAT, "svd"),
        (LOCAL, DT, Endpoint.CHAT, "s"),
        (OPENAI, QA, Endpoint.EMBEDDINGS, "s"),
    ],
)
def test_sessions(provider: Provider, purpose: Purpose, endpoint: Endpoint, letters: str) -> None:
    """Every session counts; it is valid with a chargeable completion, and deep with one of deep thought."""
    added = rollups().charged(charge(provider, purpose, endpoint, session="s1"), NOON_MS, Usage(10), 10)
    found = {(name.split(":")[1], member) for name, member in added.members[1:]}
    assert found == {(letter, session_digest("s1")) for letter in letters}
    assert all(member.isascii() for _, member in added.members)


@pytest.mark.parametrize(
    ("purpose", "endpoint", "is_tool_turn", "expected"),
    [
        (PLAIN, Endpoint.CHAT, False, "chat"),
        (PLAIN, Endpoint.COMPLETIONS, False, "chat"),
        (PLAIN, Endpoint.CHAT, True, "tool_call"),
        (PLAIN, Endpoint.EMBEDDINGS, False, "knowledge_doc_indexing"),
        (Purpose("X", category="database_processing"), Endpoint.CHAT, True, "database_processing"),
    ],
)
def test_the_category(purpose: Purpose, endpoint: Endpoint, is_tool_turn: bool, expected: str) -> None:
    """The purpose's category wins; else a turn on a tool's result, else the endpoint decides."""
    assert category(purpose, endpoint, is_tool_turn=is_tool_turn) == expected
    assert expected in CATEGORIES


@pytest.mark.parametrize(
    ("prices", "usage", "expected"),
    [
        (PRICES, Usage(1, 0), 150),
        (Credits(1, {}, "UTC"), Usage(1, 0), 1),
        (Credits(1, {}, "UTC"), Usage(500, 501), 2),
        (Credits(2_500_000, {}, "UTC"), Usage(10**9, 10**9), 5 * 10**12),
        (Credits(0, {}, "UTC"), Usage(500, 500), None),
        (Credits(1_000_000, {"gpt-4o-mini": (0, 600_000)}, "UTC"), Usage(500, 0), None),
    ],
)
def test_credits(prices: Credits, usage: Usage, expected: int | None) -> None:
    """Credits are millionths, rounded up once a call, by the model's own price where it has one."""
    added = fields(rollups(prices).charged(charge(), NOON_MS, usage, 1))
    assert added.get("chat") == expected


def test_a_customers_own_account_costs_no_credits() -> None:
    """What is not chargeable is counted and not billed."""
    assert "chat" not in fields(rollups().charged(charge(LOCAL), NOON_MS, Usage(500, 500), 1000))


def test_a_billing_day_is_the_zones_and_a_usage_day_utcs() -> None:
    """At 23:30 UTC it is tomorrow in Rome: the two days differ, also for names that were made before."""
    room = rollups()
    for _ in range(2):
        for at_ms, billing in (
            (NOON_MS + DAY_MS // 2 - 5_400_000, "20261121"),
            (NOON_MS + DAY_MS // 2 - 1_800_000, "20261122"),
        ):
            days = {key for key, _ in sums(room.charged(charge(), at_ms, Usage(1, 1), 2))}
            assert days == {"u:20261121", f"c:{billing}"}


def test_a_caller_without_a_company_cannot_be_charged() -> None:
    """Such a call was never admitted: a mistake of ours, not a key of nobody's."""
    used = charge()
    nobody = Charge(Caller(Key("ops", "1", "")), used.purpose, used.route, used.endpoint, used.model)
    with pytest.raises(ValueError, match="without a company"):
        rollups().charged(nobody, NOON_MS, Usage(1), 1)


def test_names_are_kept_for_a_bounded_number_of_lines() -> None:
    """Ten thousand callers leave no more behind than the bound, and each is charged under its own name."""
    room = rollups()
    for n in range(10_000):
        key = Key(f"k{n}", f"{n:064}", f"sk-...{n}", company_id=ACME.id)
        used = charge()
        alone = Charge(Caller(key, ACME, ADA), used.purpose, used.route, used.endpoint, used.model)
        assert f"input:openai|chat|sk-...{n}|gpt-4o-mini|$|QA" in fields(room.charged(alone, NOON_MS, Usage(1), 1))
    assert len(room._lines) <= 4096


AMOUNTS = st.integers(0, 10**6)
CHARGES = st.builds(
    charge,
    st.sampled_from([OPENAI, LOCAL]),
    st.sampled_from([QA, DT, IE, PLAIN]),
    st.sampled_from(list(Endpoint)),
    st.sampled_from([ADA, BOB, None]),
    st.sampled_from([HELPDESK, None]),
    session=st.sampled_from([None, "s1", "s2"]),
    is_tool_turn=st.booleans(),
    imported_chars=AMOUNTS,
)
USAGES = st.builds(Usage, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.booleans())


@given(used=CHARGES, prompt_tokens=AMOUNTS, completion_tokens=AMOUNTS)
def test_an_expired_lease_is_charged_like_a_settled_one(
    used: Charge, prompt_tokens: int, completion_tokens: int
) -> None:
    """A plan with its completion tokens equals the settle of the same estimate; credits may round up twice."""
    room = rollups()
    plan = room.plan(
        used,
        NOON_MS,
        prompt_tokens=prompt_tokens,
        weighted_prompt_tokens=2 * prompt_tokens,
        output_weight_micros=3_000_000,
    )
    usage = Usage(prompt_tokens, completion_tokens, estimated=True)
    settled = room.charged(used, NOON_MS, usage, 2 * prompt_tokens + 3 * completion_tokens)
    expired = {name: amount for name, amount in sums(plan, completion_tokens).items() if amount}
    for name, amount in sums(settled).items():
        assert expired.pop(name, 0) - amount in ({0, 1} if name[0].startswith("c") else {0}), name
    assert not expired
    assert set(plan.members) == set(settled.members)


@given(st.lists(st.tuples(CHARGES, USAGES, AMOUNTS, st.integers(NOON_MS, NOON_MS + 2 * DAY_MS)), max_size=12))
def test_sums_equal_a_plain_model(calls: list[tuple[Charge, Usage, int, int]]) -> None:
    """However calls are mixed, each sum is the sum over the calls that it names."""
    room = rollups()
    added: Counter[str] = Counter()
    for used, usage, weighted, at_ms in calls:
        for item in room.charged(used, at_ms, usage, weighted).increments:
            assert item.amount > 0
            assert item.per_token_micros == 0
            added[item.field.partition(":")[0]] += item.amount
    paid = [call for call in calls if call[0].route.provider.chargeable]
    completing = [call for call in calls if call[0].endpoint in COMPLETING]
    assert added["input"] == sum(usage.input_tokens for _, usage, _, _ in calls)
    assert added["output"] == sum(usage.output_tokens for _, usage, _, _ in calls)
    assert added["weighted"] == sum(weighted for _, _, weighted, _ in calls)
    assert added["requests"] == len(calls)
    assert added["completions"] + added["free_completions"] == len(completing)
    assert added["completions_deep"] + added["free_completions_deep"] == sum(
        c[0].purpose.deep_thought for c in completing
    )
    assert sum(added[name] for name in CATEGORIES) == sum(
        ceil((usage.input_tokens * 150_000 + usage.output_tokens * 600_000) / 1000) for _, usage, _, _ in paid
    )


@pytest.mark.parametrize("tokens", [0, 1, 10**9])
def test_a_report_from_outside(tokens: int) -> None:
    """It adds a request and its tokens as input, to nobody, under a key of its own; no completion, no credits."""
    added = rollups().reported(KEY, ACME.id, NOON_MS, tokens)
    name = f"external|usage|{KEY.hint}|||report"
    assert sums(added) == {
        ("u:20261121", f"requests:{name}"): 1,
        ("u:20261121", f"input:{name}"): tokens,
        ("u:20261121", f"weighted:{name}"): tokens,
    }
    ((index, member),) = added.members
    assert (index.split(":")[1], member) == ("i", "-|-")
    assert added.ttl_seconds == rollups().charged(charge(), NOON_MS, Usage(1, 1), 2).ttl_seconds
