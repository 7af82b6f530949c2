"""Owns companies, users and agents: who exists, and how the file refers to them by name or id."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from gateway.config.findings import Findings, Path
from gateway.config.schema import CompanySection, Document
from gateway.model import UNLIMITED, Agent, Company, Quotas, RollingBudget, User
from gateway.model.guid import parse_guid

T = TypeVar("T", Company, User, Agent)

SHOWN_NAMES = 8


class Register(Generic[T]):
    """Entries of one kind under their owner's id ("" for a company's), found by id or by name.

    A name is never a GUID, so a reference means one thing.
    """

    def __init__(self, kind: str, findings: Findings) -> None:
        self.kind = kind
        self.by_id: dict[tuple[str, str], T] = {}
        self._by_name: dict[tuple[str, str], T] = {}
        self._lost: set[str] = set()
        self._findings = findings

    def add(self, owner: str, entry: T, path: Path) -> None:
        """Take an entry in; one with an id or a name that is taken is a problem."""
        for part, known in (("id", self.by_id), ("name", self._by_name)):
            if known.setdefault((owner, getattr(entry, part)), entry) is not entry:
                self._findings.add((*path, part), f"is the {part} of another {self.kind} already")

    def lose(self, id_: str, name: str) -> None:
        """Remember an entry whose owner is not known: that it cannot be found is no further problem."""
        self._lost |= {id_, name}

    def find(self, owner: str, reference: str | None, path: Path) -> T | None:
        """Give the entry that a reference means; one that means none is a problem."""
        if reference is None:
            return None
        guid = parse_guid(reference)
        found = self._by_name.get((owner, reference)) if guid is None else self.by_id.get((owner, guid))
        if found is None and (guid or reference) not in self._lost:
            names = [name for holder, name in self._by_name if holder == owner]
            self._findings.add(path, f"is no {self.kind}; {_there_are(names)}")
        return found


@dataclass(frozen=True, slots=True)
class People:
    """Everyone in the file."""

    companies: Register[Company]
    users: Register[User]
    agents: Register[Agent]


def build_people(document: Document, findings: Findings) -> People:
    """Make the companies, then their users and agents."""
    people = People(Register("company", findings), Register("user", findings), Register("agent", findings))
    for index, section in enumerate(document.companies):
        people.companies.add("", _company(section, document.timezone), ("companies", index))
    for index, user in enumerate(document.users):
        company = people.companies.find("", user.company, ("users", index, "company"))
        if company is None:
            people.users.lose(user.id, user.name)
            continue
        quotas = Quotas(**user.quotas.model_dump())
        people.users.add(company.id, User(user.id, user.name, company.id, quotas), ("users", index))
    _add_agents(document, people, findings)
    return people


def _company(section: CompanySection, zone: str) -> Company:
    budget = section.budget
    rolling = RollingBudget(UNLIMITED, window_days=30)
    if budget is not None:
        rolling = RollingBudget(budget.tokens, budget.window_days, budget.sliced)
    return Company(
        id=section.id,
        name=section.name,
        budget=rolling,
        timezone=section.timezone or zone,
        users_may_report=section.users_may_report,
        users_see_company=section.users_see_company,
    )


def _add_agents(document: Document, people: People, findings: Findings) -> None:
    homes: dict[str, str] = {}
    for index, section in enumerate(document.agents):
        company = people.companies.find("", section.company, ("agents", index, "company"))
        if company is None:
            people.agents.lose(section.id, section.name)
            continue
        people.agents.add(company.id, Agent(section.id, section.name, company.id), ("agents", index))
        if homes.setdefault(section.id, company.id) != company.id:
            findings.add(("agents", index, "id"), "is the id of another company's agent already")


def _there_are(names: list[str]) -> str:
    more = len(names) - SHOWN_NAMES
    shown = ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
    return f"there are: {shown}" if names else "there are none"
