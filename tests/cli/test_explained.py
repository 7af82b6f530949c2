"""What `gateway explain` answers: the ledger's own verdict, worked out without holding anything."""

from pathlib import Path

import pytest

from gateway.budget import Ask, Ledger, Order, Refusal, Verdict
from gateway.budget.script import load
from gateway.cli.explained import Answer, Question, answer, caller_of, render, render_refused, verdict
from gateway.config import Config
from gateway.errors import GatewayError
from gateway.model import (
    MICROS,
    UNLIMITED,
    Budget,
    Calendar,
    Caller,
    Enforcement,
    Fixed,
    Level,
    Lifetime,
    Period,
    Price,
    Purpose,
    Rates,
    Rolling,
    Rollup,
    Scope,
    Unit,
    Window,
)
from gateway.providers import Routes
from gateway.store.connection import Store
from gateway.tokens import bound
from tests.cli.configs import ACME, ADA, BOB, SECRET, TEXT, configured
from tests.tokens.bodies import WEATHER, WEATHER_TOOLS, call

NOW_MS = 1_767_225_600_000
LATER_MS = NOW_MS + 3_600_000


def _budget(
    limit: int, window: Window, enforcement: Enforcement = Enforcement.HARD, unit: Unit = Unit.TOKENS, name: str = "b"
) -> Budget:
    return Budget(f"{name}@x", name, Scope.COMPANY, f"c:{ACME}", unit, window, limit, enforcement)


# ---------------------------------------------------------------- one story


WINDOWS = [Rolling(30), Calendar(Period.MONTH), Fixed(31 * 86_400), Lifetime()]
SPENDINGS = [
    # limit, used, held, asked: each verdict, and one token to either side of it
    (100, 60, 30, 9),
    (100, 60, 30, 10),
    (100, 60, 30, 39),
    (100, 60, 30, 40),
    (100, 60, 30, 99),
    (100, 60, 30, 100),
    (100, 100, 0, 1),
    (0, 0, 0, 1),
    (UNLIMITED, 60, 30, 10**9),
]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("enforcement", Enforcement)
async def test_a_verdict_is_the_ledgers(window: Window, enforcement: Enforcement, valkey_store: Store) -> None:
    """For the same numbers, `verdict` says what a real reserve answers, with the same instant where it names one."""
    ledger = Ledger(valkey_store, load(), lease_seconds=60)
    for place, (limit, used, held, asked) in enumerate(SPENDINGS):
        open_budget = _budget(UNLIMITED, window, enforcement, name=f"b{place}")
        await _spend(ledger, open_budget, used, held, place)
        budget = _budget(limit, window, enforcement, name=f"b{place}")
        ask = Ask(budget, asked, MICROS)
        (level,) = await ledger.read(ACME, [budget])
        found, retry_at_ms = verdict(ask, level)
        outcome = await ledger.reserve(Order(f"asked-{place}", ACME, (ask,), want_tokens=1, least_tokens=1))
        if isinstance(outcome, Refusal):
            ((said, at_ms),) = outcome.verdicts
            assert found is said
            assert retry_at_ms == at_ms or isinstance(window, Rolling)
        else:
            assert found is Verdict.ROOM
    await ledger.drain(10)


async def _spend(ledger: Ledger, budget: Budget, used: int, held: int, place: int) -> None:
    if used:
        ask = (Ask(budget, used, 0),)
        lease = await ledger.reserve(Order(f"used-{place}", ACME, ask, want_tokens=0, least_tokens=0))
        assert not isinstance(lease, Refusal)
        await ledger.settle(lease, [used], Rollup())
    if held:
        ask = (Ask(budget, held, 0),)
        assert not isinstance(await ledger.reserve(Order(f"held-{place}", ACME, ask, 0, 0)), Refusal)


# ---------------------------------------------------------------- who


def _caller(config: Config, name: str, user: str | None = None) -> Caller:
    key = next(key for key in config.keys if key.name == name)
    return caller_of(config, key, user, NOW_MS)


def test_the_caller_is_whom_the_key_stands_for(tmp_path: Path) -> None:
    """Company, user and agent come from the key."""
    caller = _caller(configured(tmp_path), "laptop")
    assert caller.company is not None
    assert caller.user is not None
    assert caller.agent is not None
    assert (caller.key.name, caller.company.name, caller.user.name, caller.agent.name) == (
        "laptop",
        "acme",
        "ada",
        "desk",
    )


def test_a_service_key_names_its_user(tmp_path: Path) -> None:
    """`--user` is what X-Gateway-User would hold: a listed user, or anyone with the default quotas."""
    text = TEXT.replace("keys:\n", f"keys:\n  - {{name: back, key: {SECRET}-4, company: acme, acts_for_users: true}}\n")
    config = configured(tmp_path, text)
    stranger = "99999999-9999-4999-8999-999999999999"
    listed, unlisted = _caller(config, "back", BOB).user, _caller(config, "back", stranger).user
    assert listed is not None
    assert unlisted is not None
    assert (listed.name, unlisted.id) == ("bob", stranger)


@pytest.mark.parametrize(
    ("name", "user", "status", "code"),
    [
        ("old", None, 401, "invalid_api_key"),
        ("ops", None, 403, "forbidden"),
        ("laptop", ADA, 403, "forbidden"),
    ],
)
def test_who_may_not_call_is_told_as_the_app_would_be(
    name: str, user: str | None, status: int, code: str, tmp_path: Path
) -> None:
    """An expired key, a key without a company, a key that may not name users: the gateway's own errors."""
    with pytest.raises(GatewayError) as caught:
        _caller(configured(tmp_path), name, user)
    assert (caught.value.status, caught.value.code) == (status, code)
    assert render_refused(caught.value).startswith(f"It would be refused before any budget is asked: {status} {code}. ")


@pytest.mark.parametrize("limit", [0, 100])
def test_a_call_for_nobody_is_said(limit: int, tmp_path: Path) -> None:
    """A key that acts for users, without `--user`: the last line says that no quota counts the call."""
    text = TEXT.replace("keys:\n", f"keys:\n  - {{name: back, key: {SECRET}-4, company: acme, acts_for_users: true}}\n")
    config = configured(tmp_path, text)
    levels = [Level(_budget(limit, Lifetime()), limit, 0, 0, None)]
    route = Routes(config.providers).find("large", ())
    callers = [_caller(config, "back", user) for user in (None, BOB)]
    questions = [Question(caller, Purpose("DT"), route, 10, 10) for caller in callers]
    for_nobody, for_bob = (render(answer(question, config.ledger, levels, NOW_MS)) for question in questions)
    line = "It names no user, so no user's quota counts it; `--user` shows a call that names one."
    assert for_nobody.splitlines()[-1] == line
    assert line not in for_bob


# ---------------------------------------------------------------- what


def _asked(
    tmp_path: Path,
    *levels: Level,
    output: int | None = None,
    model: str = "large",
    has_tools: bool = False,
    price: Price | None = None,
    text: str = TEXT,
) -> Answer:
    config = configured(tmp_path, text)
    caller = _caller(config, "laptop")
    route = Routes(config.providers).find(model, ())
    question = Question(caller, Purpose("DT"), route, 10, output, has_tools=has_tools, price=price)
    return answer(question, config.ledger, levels, NOW_MS)


def test_a_call_that_passes_gets_what_is_left(tmp_path: Path) -> None:
    """A stream of a model that shows its tokens may use all that is left; an answer in one piece gets a share of it."""
    level = Level(_budget(10_000, Rolling(30)), 10_000, 5_990, 0, LATER_MS)
    found = _asked(tmp_path, level, output=4_100, model="gpt-4o")
    assert found.refusal is None
    assert (found.bound_tokens, found.stream_tokens, found.whole_tokens) == (4_100, 4_000, 500)
    assert "It would pass. Of the 4,100 tokens" in render(found)
    assert "Little is left" in render(found)


def test_a_model_that_may_think_unseen_gets_a_share_either_way(tmp_path: Path) -> None:
    """What cannot be watched is granted the same as a stream and in one piece."""
    level = Level(_budget(10_000, Rolling(30)), 10_000, 5_990, 0, LATER_MS)
    found = _asked(tmp_path, level)
    assert (found.bound_tokens, found.stream_tokens, found.whole_tokens) == (500, 500, 500)
    found = _asked(tmp_path, Level(_budget(10_000, Rolling(30)), 10_000, 9_690, 0, LATER_MS))
    assert (found.stream_tokens, found.whole_tokens) == (256, 256)


def test_only_hard_token_budgets_shorten_an_answer(tmp_path: Path) -> None:
    """Soft and shadow budgets, requests, calls at the same time and unlimited budgets leave the bound as it is."""
    levels = (
        Level(_budget(100, Rolling(30), Enforcement.SOFT), 100, 50, 0, LATER_MS),
        Level(_budget(100, Rolling(30), Enforcement.SHADOW), 100, 200, 0, LATER_MS),
        Level(_budget(5, Fixed(60), unit=Unit.REQUESTS), 5, 4, 0, LATER_MS),
        Level(_budget(UNLIMITED, Rolling(30)), UNLIMITED, 10**9, 0, LATER_MS),
    )
    found = _asked(tmp_path, *levels)
    assert [one for one, _ in found.verdicts] == [Verdict.ROOM] * 4
    assert found.whole_tokens == found.bound_tokens == 500


def test_a_refusal_is_told_in_the_words_of_the_429(tmp_path: Path) -> None:
    """Code and message are the app's; a rolling window adds when its oldest spending leaves."""
    levels = (
        Level(_budget(100, Rolling(30), name="company"), 100, 95, 0, LATER_MS),
        Level(_budget(50, Calendar(Period.DAY), name="day"), 500, 10, 0, LATER_MS, is_override=True),
    )
    text = render(_asked(tmp_path, *levels))
    assert "is spent" in text
    assert "500 tokens a day (override)" in text
    assert "It would be refused: 429 budget_exceeded. Budget 'company' (30d, per company) is spent" in text
    assert "this call needs 11 tokens. Of 100, 95 are used and 0 held; 5 remain." in text
    assert text.endswith("The oldest spending leaves the window of 'company' at 2026-01-01T01:00:00Z.")


@pytest.mark.parametrize(
    ("level", "code", "words"),
    [
        (Level(_budget(100, Calendar(Period.DAY)), 100, 95, 0, LATER_MS), "budget_exceeded", "It fits again at 2026"),
        (Level(_budget(100, Calendar(Period.DAY)), 100, 50, 45, LATER_MS), "rate_limited", "no room at the moment"),
        (Level(_budget(10, Calendar(Period.DAY)), 10, 0, 0, LATER_MS), "request_exceeds_budget", "smaller than this"),
        (Level(_budget(100, Fixed(60)), 100, 95, 0, NOW_MS + 9), "rate_limited", "no room at the moment"),
    ],
)
def test_each_kind_of_refusal_has_its_code(level: Level, code: str, words: str, tmp_path: Path) -> None:
    """Spent, busy, too large, and a short window."""
    found = _asked(tmp_path, level)
    assert found.refusal is not None
    assert found.refusal.code == code
    assert words in render(found)


@pytest.mark.parametrize(
    ("model", "has_tools", "template", "added"),
    [
        ("large", False, "", 700),
        ("large", True, "", 1_500),
        ("large", False, "template_tokens: {plain: 70, tools: 230}", 70),
        ("large", True, "template_tokens: {plain: 70, tools: 230}", 230),
        ("gpt-4o", True, "template_tokens: {plain: 70, tools: 230}", 8),
        ("gpt-4o", False, "", 0),
    ],
)
def test_what_the_provider_may_add_is_asked_for_too(
    model: str, has_tools: bool, template: str, added: int, tmp_path: Path
) -> None:
    """The prompt grows by what the gateway's own estimate adds to a body, and the words say so."""
    text = TEXT.replace("template_tokens: {plain: 0, tools: 25}", template)
    budget = _budget(10 + added, Rolling(30))
    found = _asked(tmp_path, Level(budget, 10 + added, 0, 0, None), model=model, has_tools=has_tools, text=text)
    body = call({"messages": WEATHER, "tools": WEATHER_TOOLS if has_tools else []}, model=model)
    assert bound(body, found.question.route.provider).prompt_tokens - body.body_bytes == added
    assert f"10 prompt tokens{f', and {added:,} that the provider may add' if added else ''}:" in render(found)
    assert found.refusal is not None
    assert f"this call needs {10 + added + 1}" in found.refusal.message.replace(",", "")


def test_levels_stand_in_columns(tmp_path: Path) -> None:
    """A budget's line: name and scope, limit, used, held, remaining, reset, enforcement, verdict."""
    level = Level(_budget(100, Lifetime(), unit=Unit.IN_FLIGHT, name="company"), 100, 0, 45, None)
    line = next(line for line in render(_asked(tmp_path, level)).splitlines() if "same time" in line)
    cells = [cell.strip() for cell in line.split("   ") if cell.strip()]
    assert cells == ["company", "100 at the same time", "0", "45", "55", "-", "hard", "has room"]


def test_dollars_are_judged_by_the_price(tmp_path: Path) -> None:
    """A cent left buys a shorter answer; amounts are shown in dollars."""
    budget = _budget(1_000_000, Calendar(Period.MONTH), unit=Unit.USD)
    level = Level(budget, 1_000_000, 990_000, 0, LATER_MS)
    price = Price(Rates.of(0, 40_000_000))
    found = _asked(tmp_path, level, price=price, model="gpt-4o")
    assert (found.stream_tokens, found.whole_tokens) == (250, 250)
    assert "$1.00 a month" in render(found)
    assert "$0.99" in render(found)


def test_dollars_that_are_gone_refuse_in_dollars(tmp_path: Path) -> None:
    """The refusal says what the call needs and what is left, in dollars."""
    budget = _budget(1_000_000, Calendar(Period.MONTH), unit=Unit.USD)
    found = _asked(tmp_path, Level(budget, 1_000_000, 1_000_000, 0, LATER_MS), price=Price(Rates.of(0, 40_000_000)))
    assert found.refusal is not None
    assert "this call needs $0.00004. Of $1.00, $1.00 are used and $0.00 held; $0.00 remain." in found.refusal.message
    assert found.refusal.budget["unit"] == "usd_micros"


def test_what_has_no_price_is_not_counted_in_dollars(tmp_path: Path) -> None:
    """Where such a call passes at all, its answer leaves budgets of dollars out."""
    level = Level(_budget(0, Calendar(Period.MONTH), unit=Unit.USD), 0, 0, 0, LATER_MS)
    found = _asked(tmp_path, level)
    assert (found.levels, found.refusal) == ((), None)
