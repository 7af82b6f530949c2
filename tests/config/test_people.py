"""Companies, users and agents."""

import pytest

from gateway.model import Agent, Company, Quotas, RollingBudget, User
from tests.config.files import ACME, ADA, BOB, DESK, GLOBEX, KEY, assert_refused, document, load_text

WRONG = [
    (f"companies: [{{id: {ACME}, name: acme}}, {{id: »{ACME}, name: globex}}]", "is the id of another company already"),
    (
        f"companies: [{{id: {ACME}, name: acme}}, {{id: »{ACME.replace('-', '')}, name: b}}]",
        "is the id of another company",
    ),
    (
        f"companies: [{{id: {ACME}, name: acme}}, {{id: {GLOBEX}, name: »acme}}]",
        "is the name of another company already",
    ),
    (
        f"companies: [{{id: {ACME}, name: acme, budget: »{{window_days: 30}}}}]",
        "companies.0.budget.tokens: is required",
    ),
    (f"companies: [{{id: {ACME}, name: acme, budget: {{tokens: 1, window_days: »481}}}}]", "from 1 to 480"),
    (f"companies: [{{id: {ACME}, name: acme, budget: {{tokens: 1, window_days: »0}}}}]", "from 1 to 480"),
    (f"companies: [{{id: {ACME}, name: acme, timezone: »Europe/Roma}}]", "must be the name of an IANA time zone"),
    (f"users: [{{id: {ADA}, name: ada, company: »acmee}}]", "users.0.company: is no company; there are: acme, globex"),
    (f"users: [{{id: {ADA}, name: ada, company: »{BOB}}}]", "is no company; there are: acme, globex"),
    (f"users: [{{id: {ADA}, name: ada, company: acme}}, {{id: »{ADA}, name: b, company: acme}}]", "of another user"),
    (f"users: [{{id: {ADA}, name: ada, company: acme}}, {{id: {BOB}, name: »ada, company: acme}}]", "of another user"),
    (
        f"users: [{{id: {ADA}, name: ada, company: acme, quotas: {{»yearly: 1}}}}]",
        "here may stand: daily, weekly, monthly",
    ),
    (f"agents: [{{id: {DESK}, name: desk, company: »acm}}]", "agents.0.company: is no company"),
    (
        f"agents: [{{id: {DESK}, name: desk, company: acme}}, {{id: »{DESK}, name: desk, company: globex}}]",
        "is the id of another company's agent already",
    ),
]


@pytest.mark.parametrize(("section", "fragment"), WRONG, ids=[f"{i}" for i in range(len(WRONG))])
def test_wrong_people_are_refused(section: str, fragment: str) -> None:
    """Doubles and references to nobody are refused where they stand."""
    assert_refused(section, fragment)


def test_people_have_every_setting() -> None:
    """Each setting arrives, defaults are filled in, and an id may stand for a name."""
    config = load_text(
        document(
            "timezone: Asia/Tokyo",
            f"companies: [{{id: {ACME}, name: acme, budget: {{tokens: 9, sliced: true}}, timezone: Europe/Rome}}, "
            f"{{id: {GLOBEX}, name: globex, users_may_report: false, users_see_company: no}}]",
            f"users: [{{id: {ADA}, name: ada, company: {ACME.upper()}, quotas: {{daily: 0, monthly: -1}}}}]",
        )
    )
    assert config.companies == {
        ACME: Company(ACME, "acme", RollingBudget(9, 30, sliced=True), "Europe/Rome"),
        GLOBEX: Company(
            GLOBEX, "globex", RollingBudget(-1, 30), "Asia/Tokyo", users_may_report=False, users_see_company=False
        ),
    }
    assert config.users == {(ACME, ADA): User(ADA, "ada", ACME, Quotas(0, None, -1))}
    assert config.agents == {DESK: Agent(DESK, "desk", ACME)}


def test_user_of_two_companies_is_two_users() -> None:
    """A user's id and name mean something only inside a company."""
    users = f"users: [{{id: {ADA}, name: ada, company: acme}}, {{id: {ADA}, name: ada, company: globex}}]"
    assert set(load_text(document(users)).users) == {(ACME, ADA), (GLOBEX, ADA)}


def test_long_lists_of_names_are_cut() -> None:
    """A refusal names a few of those there are."""
    companies = ", ".join(f"{{id: {number:032x}, name: c{number}}}" for number in range(12))
    users = f"users: [{{id: {ADA}, name: ada, company: »nobody}}]"
    assert_refused(users, "c7 and 4 more", None, f"companies: [{companies}]", "agents: []", "keys: []")


def test_one_mistake_is_one_problem() -> None:
    """Whoever refers to a user or an agent of an unknown company hears of the company only."""
    users = f"users: [{{id: {ADA}, name: ada, company: »nobody}}]"
    own = f"{{name: a, key: {KEY}, company: acme, user: ada}}"
    other = f"{{name: b, key: {KEY}2, company: acme, user: {ADA}}}"
    assert_refused(users, "is no company", None, f"keys: [{own}, {other}]")
