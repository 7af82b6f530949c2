"""`budgets:`."""

import pytest

from gateway.budget.rules import COMPANY_BUDGET, QUOTA_NAMES
from gateway.config.limits import RESERVED_NAMES
from gateway.model import BudgetRule, Calendar, Enforcement, Fixed, Lifetime, Match, Period, Rolling, Scope, Unit
from tests.config.files import ACME, ADA, DESK, GLOBEX, assert_refused, document, load_text

DAY = "window: {calendar: day}, limit: 5"

WRONG = [
    ("budgets: [»{scope: key, window: {calendar: day}, limit: 5}]", "budgets.0.name: is required"),
    ("budgets: [»{name: a, scope: key, window: {calendar: day}}]", "budgets.0.limit: is required"),
    (f"budgets: [{{name: »'a b', scope: key, {DAY}}}]", "must be 1 to 64 letters, digits, `_` or `-`"),
    (
        f"budgets: [{{name: {'a' * 64}, scope: key, {DAY}}}, {{name: »{'a' * 65}, scope: key, {DAY}}}]",
        "must be 1 to 64",
    ),
    (f"budgets: [{{name: »company, scope: key, {DAY}}}]", "is the name of a budget that the gateway itself has"),
    (f"budgets: [{{name: a, scope: »team, {DAY}}}]", "must be company, user, key, agent, provider or installation"),
    (f"budgets: [{{name: a, scope: key, unit: »eur, {DAY}}}]", "must be tokens, requests, in_flight or usd"),
    ("budgets: [{name: a, scope: key, window: {calendar: day}, limit: »12.5}]", "whole number, as the unit is tokens"),
    *(
        (f"budgets: [{{name: a, scope: key, unit: usd, window: {{calendar: day}}, limit: »{limit}}}]", words)
        for limit, words in (
            ("1.0000001", "in usd with at most 6 decimals"),
            ("-0.5", "must be -1 (unlimited), 0 (blocked)"),
            ("-1.0", "must be -1 (unlimited), 0 (blocked)"),
            ("1e3", "must be -1 (unlimited), 0 (blocked)"),
            (".5", "must be -1 (unlimited), 0 (blocked)"),
            ("$5", "must be -1 (unlimited), 0 (blocked)"),
            ("100_000_001", "must be at most 100,000,000 dollars"),
        )
    ),
    (f"budgets: [{{name: a, scope: key, {DAY}}}, {{name: »a, scope: user, {DAY}}}]", "is the name of another budget"),
    ("budgets: [{name: a, scope: key, window: {calendar: »year}, limit: 5}]", "must be day, week or month"),
    ("budgets: [{name: a, scope: key, window: {rolling_days: »500}, limit: 5}]", "from 1 to 480"),
    ("budgets: [{name: a, scope: key, window: {fixed_seconds: »0}, limit: 5}]", "from 1 to 2,678,400"),
    ("budgets: [{name: a, scope: key, window: {lifetime: »false}, limit: 5}]", "must be true, or left out"),
    ("budgets: [{name: a, scope: key, window: »{}, limit: 5}]", "budgets.0.window: needs exactly one window"),
    ("budgets: [»{name: a, scope: key, limit: 5}]", "budgets.0: needs exactly one window"),
    (
        "budgets: [{name: a, scope: key, window: »{calendar: day, rolling_days: 1}, limit: 5}]",
        "needs exactly one window",
    ),
    ("budgets: [{name: a, scope: key, unit: in_flight, window: »{calendar: day}, limit: 5}]", "has no meaning"),
    (f"budgets: [{{name: a, scope: company, company: »acmee, {DAY}}}]", "is no company; there are: acme, globex"),
    (f"budgets: [{{name: a, scope: user, company: acme, user: »eve, {DAY}}}]", "is no user; there are: ada"),
    (f"budgets: [{{name: a, scope: user, user: »ada, {DAY}}}]", "needs a company beside it"),
    (f"budgets: [{{name: a, scope: agent, company: globex, agent: »desk, {DAY}}}]", "is no agent; there are none"),
    (f"budgets: [{{name: a, scope: key, key: »desktop, {DAY}}}]", "budgets.0.key: is the name of no key"),
    (f"budgets: [{{name: a, scope: key, company: globex, key: »laptop, {DAY}}}]", "is not a key of this company"),
    (
        f"budgets: [{{name: a, scope: company, company: acme, user: »ada, {DAY}}}]",
        "cannot stand here, as the scope is company",
    ),
    (f"budgets: [{{name: a, scope: user, key: »laptop, {DAY}}}]", "cannot stand here, as the scope is user"),
    (
        f"budgets: [{{name: a, scope: key, match: {{provider: »openai}}, {DAY}}}]",
        "matches no provider; there are: demo",
    ),
    (f"budgets: [{{name: a, scope: key, match: {{model: »gpt-4o*}}, {DAY}}}]", "matches no model of these providers"),
    (f"budgets: [{{name: a, scope: key, match: {{purpose: »DT}}, {DAY}}}]", "matches no purpose; there are: QA"),
    (f"budgets: [{{name: a, scope: key, match: {{model: »'[a-z]'}}, {DAY}}}]", "must be a name, or a pattern with `*`"),
    (
        f"budgets: [{{name: a, scope: key, match: {{»endpoint: chat}}, {DAY}}}]",
        "here may stand: provider, model, purpose",
    ),
    (f"budgets: [{{name: a, scope: provider, company: »acme, {DAY}}}]", "cannot stand here, as the scope is provider"),
    (f"budgets: [{{name: a, scope: installation, key: »laptop, {DAY}}}]", "cannot stand here"),
    (f"budgets: [{{name: a, scope: user, {DAY}, sliced: »true}}]", "cannot be true, as the scope is user"),
    (f"budgets: [{{name: a, scope: provider, {DAY}, sliced: »false}}]", "must be true, or left out"),
    (f"budgets: [{{name: a, scope: key, {DAY}, »onexceed: cut}}]", "budgets.0.onexceed: is no setting"),
]


@pytest.mark.parametrize(("section", "fragment"), WRONG, ids=[f"{i}" for i in range(len(WRONG))])
def test_wrong_budget_is_refused(section: str, fragment: str) -> None:
    """A limit that is unclear, or that could never count anything, is refused where it stands."""
    assert_refused(section, fragment)


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ("scope: company, window: {rolling_days: 7}", BudgetRule("b", Scope.COMPANY, Rolling(7), 5)),
        ("scope: user, window: {calendar: week}", BudgetRule("b", Scope.USER, Calendar(Period.WEEK), 5)),
        (
            "scope: key, unit: requests, window: {fixed_seconds: 60}, enforcement: shadow",
            BudgetRule("b", Scope.KEY, Fixed(60), 5, Unit.REQUESTS, enforcement=Enforcement.SHADOW),
        ),
        ("scope: agent, window: {lifetime: true}", BudgetRule("b", Scope.AGENT, Lifetime(), 5)),
        ("scope: key, unit: in_flight", BudgetRule("b", Scope.KEY, Lifetime(), 5, Unit.IN_FLIGHT)),
        (
            "scope: key, unit: in_flight, window: {lifetime: true}",
            BudgetRule("b", Scope.KEY, Lifetime(), 5, Unit.IN_FLIGHT),
        ),
        (
            "scope: user, company: globex, window: {lifetime: yes}",
            BudgetRule("b", Scope.USER, Lifetime(), 5, company_id=GLOBEX),
        ),
        (
            "scope: user, company: acme, user: ada, window: {lifetime: yes}",
            BudgetRule("b", Scope.USER, Lifetime(), 5, company_id=ACME, user_id=ADA),
        ),
        (
            f"scope: agent, company: acme, agent: {DESK}, window: {{lifetime: yes}}",
            BudgetRule("b", Scope.AGENT, Lifetime(), 5, company_id=ACME, agent_id=DESK),
        ),
        (
            "scope: key, key: laptop, window: {lifetime: yes}",
            BudgetRule("b", Scope.KEY, Lifetime(), 5, company_id=ACME, key_name="laptop"),
        ),
        (
            "scope: company, match: {provider: d*, model: '*', purpose: QA}, window: {lifetime: yes}",
            BudgetRule("b", Scope.COMPANY, Lifetime(), 5, match=Match("d*", "*", "QA")),
        ),
        (
            "scope: company, sliced: true, window: {lifetime: yes}",
            BudgetRule("b", Scope.COMPANY, Lifetime(), 5, sliced=True),
        ),
        (
            "scope: installation, unit: in_flight",
            BudgetRule("b", Scope.INSTALLATION, Lifetime(), 5, Unit.IN_FLIGHT, sliced=True),
        ),
        (
            "scope: provider, sliced: true, match: {provider: demo}, window: {fixed_seconds: 60}",
            BudgetRule("b", Scope.PROVIDER, Fixed(60), 5, match=Match("demo"), sliced=True),
        ),
    ],
)
def test_rules(settings: str, rule: BudgetRule) -> None:
    """Scopes, windows, units and subjects arrive with every reference resolved."""
    assert load_text(document(f"budgets: [{{name: b, limit: 5, {settings}}}]")).budgets == (rule,)


def test_days_of_what_spans_companies_begin_where_the_files_do() -> None:
    """No company's zone could be the one."""
    config = load_text(document("timezone: Europe/Rome", f"budgets: [{{name: b, scope: installation, {DAY}}}]"))
    assert config.budgets[0].timezone == "Europe/Rome"


def test_enforcement_defaults_to_the_ledgers() -> None:
    """A budget that says nothing is enforced as the ledger is."""
    config = load_text(document("ledger: {enforcement: soft}", f"budgets: [{{name: b, scope: key, {DAY}}}]"))
    assert config.budgets[0].enforcement is Enforcement.SOFT


def test_key_without_company_spends_nothing() -> None:
    """A limit on a key that cannot call models would protect nobody."""
    keys = "keys: [{name: ops, key: an-administrators-key, role: admin}]"
    assert_refused(f"{keys}\nbudgets: [{{name: a, scope: key, key: »ops, {DAY}}}]", "has no company")


def test_provider_with_a_pattern_may_have_any_model() -> None:
    """A limit on a model that is not listed is fine as long as some provider takes unlisted ones."""
    providers = "providers: {local: {dialect: openai, base_url: 'http://127.0.0.1:1/v1', models: {'*': {}}}}"
    config = load_text(document(providers, f"budgets: [{{name: b, scope: key, match: {{model: any-*}}, {DAY}}}]"))
    assert config.budgets[0].match.model == "any-*"


def test_reserved_names_are_the_ledgers_own() -> None:
    """No rule can share a counter with the budgets that the ledger makes itself."""
    assert {COMPANY_BUDGET, *QUOTA_NAMES.values()} == RESERVED_NAMES


@pytest.mark.parametrize(
    ("written", "limit"),
    [("-1", -1), ("0", 0), ("0.000001", 1), ("12.50", 12_500_000), ("1_000", 10**9), ("100000000", 10**14)],
)
def test_a_limit_in_dollars_becomes_micro_dollars(written: str, limit: int) -> None:
    """Exactly, up to six decimals; -1 and 0 mean what they mean in every unit."""
    (rule,) = load_text(
        document(f"budgets: [{{name: b, scope: key, unit: usd, window: {{calendar: day}}, limit: {written}}}]")
    ).budgets
    assert (rule.unit, rule.limit) == (Unit.USD, limit)
