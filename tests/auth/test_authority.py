"""The authority table, exhaustively: every kind of key x action x company x user x the company's own word."""

from dataclasses import replace
from itertools import product

import pytest
from msgspec import structs

from gateway.auth import Action, allowed, require
from gateway.errors import Forbidden
from gateway.model import Caller, Key, Role
from tests.auth.people import ACME, ADA, EVE, RIVAL, STRANGER_ID

CALLERS = {
    "user": Caller(Key("u", "", "", company_id=ACME.id, user_id=ADA.id), ACME, ADA),
    "service": Caller(Key("s", "", "", company_id=ACME.id), ACME),
    "acting": Caller(Key("s", "", "", company_id=ACME.id, acts_for_users=True), ACME, ADA),
    "company_admin": Caller(Key("c", "", "", Role.COMPANY_ADMIN, ACME.id), ACME),
    "admin": Caller(Key("a", "", "", Role.ADMIN)),
    "admin_at_home": Caller(Key("a", "", "", Role.ADMIN, ACME.id), ACME),
}
COMPANIES = {"": None, "own": ACME.id, "other": RIVAL.id, "unknown": STRANGER_ID}
USERS = {"": None, "self": ADA.id, "colleague": STRANGER_ID, "outsider": EVE.id}

# What the design says, cell by cell: whose company and whose user each kind of key reaches; `-` is nothing.
# c any user of the own company, and the company as a whole; s oneself; o oneself, also when nobody is named; * anything
EXPECTED = {
    #                             user service acting company_admin admin admin_at_home
    Action.CALL_MODELS:          "c    c       c      c             -     c",
    Action.OWN_BUDGETS:          "o    c       c      c             *     *",
    Action.READ_COMPANY_USAGE:   "c    c       c      c             *     *",
    Action.RECORD_COMPANY_USAGE: "c    c       c      c             *     *",
    Action.READ_USER_QUOTA:      "s    -       -      c             *     *",
    Action.SET_USER_QUOTA:       "-    -       -      c             *     *",
    Action.READ_LOGS:            "s    c       c      c             *     *",
    Action.READ_BILL:            "c    c       c      c             -     c",
    Action.ADMINISTER:           "-    -       -      c             *     *",
}  # fmt: skip

REACHES = {
    "-": lambda company, user: False,
    "*": lambda company, user: True,
    "c": lambda company, user: company in {"", "own"},
    "s": lambda company, user: company in {"", "own"} and user == "self",
    "o": lambda company, user: company in {"", "own"} and user in {"", "self"},
}
CELLS = [
    (action, kind, cell)
    for action, row in EXPECTED.items()
    for kind, cell in zip(CALLERS, row.split(), strict=True)
]  # fmt: skip


def test_every_action_has_a_row() -> None:
    """No action can be added without saying who may do it."""
    assert set(EXPECTED) == set(Action)


@pytest.mark.parametrize(("action", "kind", "cell"), CELLS)
def test_the_table(action: Action, kind: str, cell: str) -> None:
    """Each cell of the table holds for every company and user that can be named, and `require` agrees."""
    for company, user, may_report, see_company in product(COMPANIES, USERS, [True, False], [True, False]):
        acme = replace(ACME, users_may_report=may_report, users_see_company=see_company)
        caller = structs.replace(CALLERS[kind], company=acme) if CALLERS[kind].company else CALLERS[kind]
        is_closed = kind == "user" and (
            (action is Action.RECORD_COMPANY_USAGE and not may_report)
            or (action is Action.READ_BILL and not see_company)
        )
        expected = not is_closed and REACHES[cell](company, user)
        asked = {"company_id": COMPANIES[company], "user_id": USERS[user]}
        assert allowed(action, caller, **asked) is expected, (company, user, may_report, see_company)
        if expected:
            require(action, caller, **asked)
        else:
            with pytest.raises(Forbidden):
                require(action, caller, **asked)


def test_a_key_without_a_company_learns_why_it_cannot_call_models() -> None:
    """The refusal of an admin key says what is missing."""
    with pytest.raises(Forbidden, match="This key may not call models: it belongs to no company"):
        require(Action.CALL_MODELS, CALLERS["admin"])


def test_a_refusal_says_nothing_about_the_other_company() -> None:
    """A company that exists and one that does not are refused in the same words."""
    words = set()
    for company_id in (RIVAL.id, STRANGER_ID):
        with pytest.raises(Forbidden) as refused:
            require(Action.READ_COMPANY_USAGE, CALLERS["user"], company_id=company_id)
        words.add(refused.value.message)
    assert words == {"This key may not read this company's usage."}
