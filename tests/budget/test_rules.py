"""Which budgets apply to whom: standing ones, rules for all or for one, globs; and the names they have in the store."""

from dataclasses import replace

import pytest
from msgspec import structs

from gateway.budget import Rules, Target
from gateway.budget.rules import budget_id, matches
from gateway.model import (
    Agent,
    BudgetRule,
    Calendar,
    Caller,
    Company,
    Enforcement,
    Fixed,
    Key,
    Lifetime,
    Match,
    Period,
    Quotas,
    Role,
    Rolling,
    RollingBudget,
    Scope,
    Unit,
    User,
)

ACME_ID, OTHER_ID = "11111111-1111-4111-8111-111111111111", "99999999-9999-4999-8999-999999999999"
ADA_ID, BOB_ID = "22222222-2222-4222-8222-222222222222", "44444444-4444-4444-8444-444444444444"
DESK_ID = "33333333-3333-4333-8333-333333333333"

ACME = Company(ACME_ID, "acme", RollingBudget(1_000_000, 30), "Europe/Rome")
OTHER = Company(OTHER_ID, "other", RollingBudget(-1, 7), "UTC")
ADA = User(ADA_ID, "ada", ACME_ID, Quotas(daily=50_000))
DESK = Agent(DESK_ID, "helpdesk", ACME_ID)
KEY = Key("ada-laptop", "0" * 64, "sk-...abcd", company_id=ACME_ID, user_id=ADA_ID)
SERVICE = Key("acme-backend", "1" * 64, "sk-...efgh", company_id=ACME_ID, acts_for_users=True)
DEFAULTS = Quotas(daily=200_000, weekly=-1, monthly=3_000_000)
TARGET = Target("openai", "gpt-4o-mini", "DT")

BY_USER = Caller(KEY, ACME, ADA)
BY_AGENT = Caller(KEY, ACME, ADA, DESK)
BY_SERVICE = Caller(SERVICE, ACME)
FOR_ADA = Caller(SERVICE, ACME, ADA)
QUOTAS = ["user-daily", "user-weekly", "user-monthly"]


def rule(name: str = "extra", scope: Scope = Scope.COMPANY, **more) -> BudgetRule:
    """Give a rule of a day."""
    return BudgetRule(name, scope, more.pop("window", Calendar(Period.DAY)), more.pop("limit", 10), **more)


def names(caller: Caller, *rules: BudgetRule, target: Target = TARGET) -> list[str]:
    """Name the budgets that a call counts in."""
    return [budget.name for budget in Rules(DEFAULTS, Enforcement.HARD, rules).of(caller, target)]


def subjects(caller: Caller, *rules: BudgetRule) -> list[str]:
    """Name the holders of the counters of the rules' budgets."""
    every = Rules(DEFAULTS, Enforcement.HARD, rules)
    return [budget.subject for budget in every.of(caller, TARGET)[len(every.standing(caller)) :]]


# ---------------------------------------------------------------- standing budgets


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        pytest.param(BY_USER, ["company", *QUOTAS], id="a user's key"),
        pytest.param(FOR_ADA, ["company", *QUOTAS], id="a service key that names a user"),
        pytest.param(BY_SERVICE, ["company"], id="a service key that names nobody"),
        pytest.param(BY_AGENT, ["company", *QUOTAS], id="with an agent"),
        pytest.param(Caller(replace(KEY, role=Role.ADMIN, company_id=None)), [], id="a key without a company"),
    ],
)
def test_standing_budgets(caller, expected):
    """Every call counts in its company's window, and in the three quotas of the user it is made for."""
    assert names(caller) == expected


def test_the_company_budget():
    """A rolling window of the company's own length, with its limit and zone, held as the ledger is configured."""
    company, *_ = Rules(DEFAULTS, Enforcement.SOFT, ()).of(BY_USER, TARGET)
    assert (company.id, company.scope, company.subject) == ("company@30d", Scope.COMPANY, f"c:{ACME_ID}")
    assert (company.window, company.limit, company.unit) == (Rolling(30), 1_000_000, Unit.TOKENS)
    assert (company.enforcement, company.timezone) == (Enforcement.SOFT, "Europe/Rome")


@pytest.mark.parametrize(
    ("own", "limits"),
    [
        (Quotas(), [200_000, -1, 3_000_000]),
        (Quotas(daily=5), [5, -1, 3_000_000]),
        (Quotas(daily=0, weekly=0, monthly=0), [0, 0, 0]),
        (Quotas(daily=-1, weekly=9, monthly=-1), [-1, 9, -1]),
    ],
)
def test_a_user_s_own_quotas_come_before_the_defaults(own, limits):
    """None means the default; 0 and -1 are a user's own word."""
    _, *quotas = Rules(DEFAULTS, Enforcement.HARD, ()).of(
        structs.replace(BY_USER, user=structs.replace(ADA, quotas=own)), TARGET
    )
    assert [quota.limit for quota in quotas] == limits
    assert [quota.id for quota in quotas] == ["user-daily@day", "user-weekly@week", "user-monthly@month"]
    assert {quota.timezone for quota in quotas} == {"Europe/Rome"}


def test_without_any_default_a_quota_is_unlimited():
    """What nobody limits is counted and never refuses."""
    _, *quotas = Rules(Quotas(), Enforcement.HARD, ()).of(
        structs.replace(BY_USER, user=structs.replace(ADA, quotas=Quotas())), TARGET
    )
    assert [quota.limit for quota in quotas] == [-1, -1, -1]


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("scope", "caller", "subject"),
    [
        (Scope.COMPANY, BY_AGENT, f"c:{ACME_ID}"),
        (Scope.USER, BY_AGENT, f"u:{ACME_ID}:{ADA_ID}"),
        (Scope.KEY, BY_AGENT, f"k:{ACME_ID}:ada-laptop"),
        (Scope.AGENT, BY_AGENT, f"a:{ACME_ID}:{DESK_ID}"),
        (Scope.COMPANY, BY_SERVICE, f"c:{ACME_ID}"),
        (Scope.USER, BY_SERVICE, None),
        (Scope.KEY, BY_SERVICE, f"k:{ACME_ID}:acme-backend"),
        (Scope.AGENT, BY_SERVICE, None),
    ],
)
def test_a_rule_for_all_counts_each_of_its_scope_apart(scope, caller, subject):
    """Each company, user, key or agent has a counter of its own; who is none of these has none."""
    assert subjects(caller, rule(scope=scope)) == ([subject] if subject else [])


@pytest.mark.parametrize(
    ("named", "applies"),
    [
        ({"company_id": ACME_ID}, True),
        ({"company_id": OTHER_ID}, False),
        ({"user_id": ADA_ID, "scope": Scope.USER}, True),
        ({"user_id": BOB_ID, "scope": Scope.USER}, False),
        ({"key_name": "ada-laptop", "scope": Scope.KEY}, True),
        ({"key_name": "acme-backend", "scope": Scope.KEY}, False),
        ({"agent_id": DESK_ID, "scope": Scope.AGENT}, True),
        ({"agent_id": BOB_ID, "scope": Scope.AGENT}, False),
        ({"company_id": ACME_ID, "user_id": ADA_ID, "scope": Scope.USER}, True),
        ({"company_id": OTHER_ID, "user_id": ADA_ID, "scope": Scope.USER}, False),
    ],
)
def test_a_rule_for_one_is_for_that_one(named, applies):
    """A rule that names a company, user, key or agent leaves all others alone."""
    scope = named.pop("scope", Scope.COMPANY)
    assert names(BY_AGENT, rule(scope=scope, **named))[4:] == (["extra"] if applies else [])


def test_a_rule_for_one_user_does_not_reach_a_call_without_a_user():
    """A service key that names nobody meets no user's rule."""
    assert names(BY_SERVICE, rule(scope=Scope.USER, user_id=ADA_ID)) == ["company"]


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        (Match(), True),
        (Match(provider="openai"), True),
        (Match(provider="azure"), False),
        (Match(model="gpt-4o-mini"), True),
        (Match(model="gpt-4o*"), True),
        (Match(model="gpt-4o"), False),
        (Match(model="*mini"), True),
        (Match(model="GPT-4O*"), True),
        (Match(purpose="DT"), True),
        (Match(purpose="dt"), False),
        (Match(purpose="QA"), False),
        (Match("open*", "gpt-*", "D*"), True),
        (Match("open*", "gpt-*", "QA"), False),
        (Match("open*", "claude-*", "DT"), False),
        (Match("az*", "gpt-*", "DT"), False),
    ],
)
def test_a_match_wants_each_of_its_parts(match, fits):
    """Provider, model and purpose by glob, letter case and all; a part that is not named fits everything."""
    assert matches(match, TARGET) is fits
    assert ("extra" in names(BY_USER, rule(match=match))) is fits


def test_a_matching_rule_is_one_counter_for_all_that_it_matches():
    """Different models of one pattern share the budget that the pattern names."""
    every = Rules(DEFAULTS, Enforcement.HARD, [rule(match=Match(model="gpt-*"))])
    mini, large = (every.of(BY_USER, Target("openai", model, "DT"))[-1] for model in ("gpt-4o-mini", "gpt-4o"))
    assert mini == large


def test_rules_are_added_and_none_replaces_another():
    """All that fit apply, in the order of the file, after the standing ones."""
    rules = [rule("a"), rule("b", Scope.USER), rule("c", match=Match(model="none")), rule("d", Scope.KEY)]
    assert names(BY_USER, *rules) == ["company", *QUOTAS, "a", "b", "d"]


def test_a_rule_brings_its_own_unit_window_limit_and_enforcement():
    """And the zone of the caller's company."""
    wanted = rule("rpm", Scope.KEY, window=Fixed(60), limit=600, unit=Unit.REQUESTS, enforcement=Enforcement.SHADOW)
    budget = Rules(DEFAULTS, Enforcement.HARD, [wanted]).of(BY_USER, TARGET)[-1]
    assert (budget.unit, budget.window, budget.limit) == (Unit.REQUESTS, Fixed(60), 600)
    assert (budget.enforcement, budget.timezone, budget.name) == (Enforcement.SHADOW, "Europe/Rome", "rpm")


def test_all_of_shows_what_some_call_could_count_in():
    """Whatever the model and purpose, but not what is about others."""
    rules = [rule("a", match=Match(model="none")), rule("b", company_id=OTHER_ID), rule("c", Scope.AGENT)]
    every = Rules(DEFAULTS, Enforcement.HARD, rules)
    assert [budget.name for budget in every.all_of(BY_USER)] == ["company", *QUOTAS, "a"]
    assert [budget.name for budget in every.all_of(BY_AGENT)] == ["company", *QUOTAS, "a", "c"]


def test_who_has_no_company_has_no_budget():
    """An admin key without a company cannot call models: nothing counts it."""
    nobody = Caller(replace(KEY, role=Role.ADMIN, company_id=None))
    assert names(nobody, *(rule(scope.value, scope) for scope in Scope)) == []


# ---------------------------------------------------------------- names in the store


def test_two_companies_with_the_same_user_id_never_share_a_counter():
    """A user, key or agent means something only inside its company."""
    rules = [rule(scope.value, scope) for scope in Scope if not scope.spans_companies]
    here = subjects(BY_AGENT, *rules)
    there = subjects(
        Caller(KEY, OTHER, structs.replace(ADA, company_id=OTHER_ID), replace(DESK, company_id=OTHER_ID)), *rules
    )
    assert len(here) == len(there) == 4
    assert not set(here) & set(there)


def test_subjects_of_different_kinds_never_collide():
    """A user, an agent, a key, a company and a provider of one name are as many counters, beside the installation's."""
    user, agent, key = structs.replace(ADA, id=ACME_ID), replace(DESK, id=ACME_ID), replace(KEY, name=ACME_ID)
    found = subjects(Caller(key, ACME, user, agent), *(rule(scope.value, scope) for scope in Scope))
    assert len(set(found)) == len(Scope)


def test_what_spans_companies_is_one_counter_for_all():
    """Callers of two companies count in the same budget: of the provider that they call, and of the installation."""
    rules = [
        replace(rule(scope.value, scope), timezone="Europe/Rome") for scope in (Scope.PROVIDER, Scope.INSTALLATION)
    ]
    every = Rules(Quotas(), Enforcement.HARD, rules)
    here, there = (every.of(caller, TARGET)[-2:] for caller in (BY_USER, Caller(KEY, OTHER)))
    assert here == there
    assert [(one.subject, one.timezone, one.sliced) for one in here] == [
        (f"p:{TARGET.provider}", "Europe/Rome", True),
        ("i:all", "Europe/Rome", True),
    ]
    assert {one.scope for one in every.all_of(BY_USER)} == {Scope.COMPANY, Scope.USER}


def test_a_company_may_have_its_own_budget_sliced():
    """The company's alone: its users' quotas stay with the store."""
    sliced = replace(ACME, budget=replace(ACME.budget, sliced=True))
    standing = Rules(DEFAULTS, Enforcement.HARD, ()).standing(structs.replace(BY_USER, company=sliced))
    assert [one.sliced for one in standing] == [True, False, False, False]


def test_budget_ids_come_from_the_configuration_alone():
    """Nothing that a request says is part of an id: their number is bounded by the file."""
    every = Rules(DEFAULTS, Enforcement.HARD, [rule("a"), rule("b", Scope.USER, match=Match(model="*"))])
    callers = [structs.replace(BY_AGENT, user=User(f"{n:032x}", f"user {n}", ACME_ID)) for n in range(50)]
    targets = [Target("openai", f"model-{n}", f"P{n}") for n in range(50)]
    ids = {budget.id for caller, target in zip(callers, targets, strict=True) for budget in every.of(caller, target)}
    assert ids == {"company@30d", "user-daily@day", "user-weekly@week", "user-monthly@month", "a@day", "b@day"}


@pytest.mark.parametrize(
    ("unit", "window", "expected"),
    [
        (Unit.TOKENS, Rolling(30), "b@30d"),
        (Unit.TOKENS, Rolling(7), "b@7d"),
        (Unit.TOKENS, Calendar(Period.WEEK), "b@week"),
        (Unit.TOKENS, Fixed(60), "b@60s"),
        (Unit.TOKENS, Lifetime(), "b@lifetime"),
        (Unit.REQUESTS, Fixed(60), "b@60s.requests"),
        (Unit.IN_FLIGHT, Lifetime(), "b@lifetime.in_flight"),
    ],
)
def test_another_window_or_unit_is_another_budget(unit, window, expected):
    """What was counted in another way is never taken for this count."""
    assert budget_id("b", unit, window) == expected


def test_another_limit_enforcement_or_match_is_the_same_budget():
    """A changed limit keeps what was used."""
    before, after = (
        Rules(DEFAULTS, Enforcement.HARD, [one]).of(BY_USER, TARGET)[-1]
        for one in (rule(), rule(limit=99, enforcement=Enforcement.SOFT, match=Match(model="gpt*")))
    )
    assert (before.id, before.subject) == (after.id, after.subject)
    assert before.limit != after.limit


def test_what_is_worked_out_once_is_never_another_caller_s():
    """A service key's users, agents and targets are told apart, also beyond what is remembered."""
    every = Rules(DEFAULTS, Enforcement.HARD, [rule("u", Scope.USER), rule("m", match=Match(model="model-7"))])
    callers = [structs.replace(FOR_ADA, user=User(f"{n:032x}", "", ACME_ID, Quotas(daily=n))) for n in range(5000)]
    for _ in range(2):
        for n, caller in enumerate(callers):
            company, daily, *_, last = every.of(caller, Target("openai", f"model-{n % 9}", "DT"))
            assert (company.name, daily.limit) == ("company", n)
            assert daily.subject == f"u:{ACME_ID}:{n:032x}"
            assert (last.name == "m") is (n % 9 == 7)
    assert every.of(structs.replace(callers[3], agent=DESK), TARGET) == every.of(callers[3], TARGET)
