"""Owns which budgets of a company there are to compare, and what of the roll-ups and events each of them counts. Pure.

The rule that matters: a budget that counts a part of its subject's calls (a match, a key) has no roll-up of its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gateway.budget import Rules, keys
from gateway.budget.rules import budget_of
from gateway.config import Config
from gateway.model import Budget, BudgetRule, Company, Match, Scope, Unit, User

SLICED = "it is spent in slices, each for many calls"


@dataclass(frozen=True, slots=True)
class Holding:
    """A budget of one subject; `is_whole`: it counts every call of a company, a user or an agent.

    `is_standing`: the company's own budget, which counts what is reported from outside too.
    """

    budget: Budget
    user_id: str | None = None
    agent_id: str | None = None
    is_whole: bool = True
    is_standing: bool = False

    def has_pair(self, user_id: str | None, agent_id: str | None) -> bool:
        """Say whether it counts what this user consumed through this agent."""
        match self.budget.scope:
            case Scope.USER:
                return user_id == self.user_id
            case Scope.AGENT:
                return agent_id == self.agent_id
            case _:
                return True

    def why_without_rollups(self) -> str | None:
        """Say why no roll-up tells what it should have counted; None where one does."""
        if self.budget.sliced:
            return SLICED
        if self.budget.unit is Unit.USD:
            return "the roll-ups know no dollars"
        if not self.is_whole:
            return "it counts a part of the calls (a match or a key), and the roll-ups do not tell which"
        return None

    def why_without_events(self) -> str | None:
        """Say why no event tells what it was charged; None where they do."""
        return "events do not name the agent" if self.budget.scope is Scope.AGENT else None


def holdings(config: Config, company: Company, user_ids: Iterable[str]) -> Iterator[Holding]:
    """Give every budget of a company: its own, its users' quotas (`user_ids`), those of `budgets:`."""
    rules = Rules(config.quotas, config.ledger.enforcement, config.budgets)
    yield Holding(rules.company_budget(company), is_standing=True)
    users = sorted(user_ids)
    for user_id in users:
        user = config.users.get((company.id, user_id)) or User(user_id, user_id, company.id)
        for budget in rules.quota_budgets(company, user):
            yield Holding(budget, user_id=user_id)
    for rule in config.budgets:
        if rule.company_id in {None, company.id}:
            yield from _ruled(rule, config, company, users)


def _ruled(rule: BudgetRule, config: Config, company: Company, users: Iterable[str]) -> Iterator[Holding]:
    own: tuple[object, ...] = (rule.user_id, rule.key_name, rule.agent_id)
    subjects: list[tuple[str, str | None, str | None]]
    match rule.scope:
        case Scope.COMPANY:
            subjects = [(keys.company_subject(company.id), None, None)]
        case Scope.USER:
            named = [rule.user_id] if rule.user_id else users
            subjects = [(keys.user_subject(company.id, one), one, None) for one in named]
            own = (rule.key_name, rule.agent_id)
        case Scope.KEY:
            names = [key.name for key in config.keys if key.company_id == company.id]
            subjects = [
                (keys.key_subject(company.id, one), None, None) for one in names if rule.key_name in {None, one}
            ]
        case Scope.AGENT:
            ids = [agent.id for agent in config.agents.values() if agent.company_id == company.id]
            subjects = [(keys.agent_subject(company.id, one), None, one) for one in ids if rule.agent_id in {None, one}]
            own = (rule.user_id, rule.key_name)
        case Scope.PROVIDER | Scope.INSTALLATION:
            subjects = []  # they live with no company, and are spent in slices
    is_whole = rule.scope is not Scope.KEY and rule.match == Match() and not any(own)
    for subject, user_id, agent_id in subjects:
        yield Holding(budget_of(rule, subject, company.timezone), user_id, agent_id, is_whole)
