"""Owns who may do what: the table of DESIGN.md section 4, and nothing else decides it.

    allowed(action, caller, company_id=..., user_id=...)

`company_id` None means the caller's own company, `user_id` None nobody in particular: the whole company. A key without
a company therefore reaches nothing but what an admin key reaches anywhere. What a company forbids its users
(`users_may_report`, `users_see_company`) is read here, from the caller's company, so that no endpoint can forget it.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum, StrEnum, auto

from gateway.errors import Forbidden
from gateway.model import Caller, Role


class Action(StrEnum):
    """What can be asked; the value completes the sentence "This key may not ..."."""

    CALL_MODELS = "call models"
    OWN_BUDGETS = "read these budgets"
    READ_COMPANY_USAGE = "read this company's usage"
    RECORD_COMPANY_USAGE = "record usage for this company"
    READ_USER_QUOTA = "read this user's quota"
    SET_USER_QUOTA = "set this user's quota"
    READ_LOGS = "read these consumption logs"
    READ_BILL = "read this company's bill"
    ADMINISTER = "administer keys and limits of this company"


class Kind(IntEnum):
    """The columns of the table: a key of a user, of a company (a service), and the two roles above them."""

    USER = 0
    SERVICE = 1
    COMPANY_ADMIN = 2
    ADMIN = 3


class Reach(Enum):
    """How far an action goes: nobody; the caller's own user; his own unless another is named; his company; any."""

    NOBODY = auto()
    SELF = auto()
    OWN = auto()
    COMPANY = auto()
    ANY = auto()


_REACHES: Mapping[Action, tuple[Reach, Reach, Reach, Reach]] = {
    #                             user key        service key     company_admin   admin
    Action.CALL_MODELS:          (Reach.COMPANY, Reach.COMPANY, Reach.COMPANY, Reach.COMPANY),
    Action.OWN_BUDGETS:          (Reach.OWN,     Reach.COMPANY, Reach.COMPANY, Reach.ANY),
    Action.READ_COMPANY_USAGE:   (Reach.COMPANY, Reach.COMPANY, Reach.COMPANY, Reach.ANY),
    Action.RECORD_COMPANY_USAGE: (Reach.COMPANY, Reach.COMPANY, Reach.COMPANY, Reach.ANY),
    Action.READ_USER_QUOTA:      (Reach.SELF,    Reach.NOBODY,  Reach.COMPANY, Reach.ANY),
    Action.SET_USER_QUOTA:       (Reach.NOBODY,  Reach.NOBODY,  Reach.COMPANY, Reach.ANY),
    Action.READ_LOGS:            (Reach.SELF,    Reach.COMPANY, Reach.COMPANY, Reach.ANY),
    Action.READ_BILL:            (Reach.COMPANY, Reach.COMPANY, Reach.COMPANY, Reach.COMPANY),
    Action.ADMINISTER:           (Reach.NOBODY,  Reach.NOBODY,  Reach.COMPANY, Reach.ANY),
}  # fmt: skip


def allowed(action: Action, caller: Caller, *, company_id: str | None = None, user_id: str | None = None) -> bool:
    """Tell whether `caller` may do `action` to a company, or to one user of it (ids as in the configuration)."""
    reach = _reach(action, caller)
    if reach is Reach.ANY:
        return True
    if reach is Reach.NOBODY or caller.company is None or company_id not in (None, caller.company.id):
        return False
    if reach is Reach.COMPANY or (reach is Reach.OWN and user_id is None):
        return True
    return caller.user is not None and user_id == caller.user.id


def require(action: Action, caller: Caller, *, company_id: str | None = None, user_id: str | None = None) -> None:
    """Raise `Forbidden` unless `allowed`; the same words whether or not the company or user exists."""
    if not allowed(action, caller, company_id=company_id, user_id=user_id):
        needs_company = action is Action.CALL_MODELS and caller.company is None
        raise Forbidden(f"This key may not {action}{': it belongs to no company' if needs_company else ''}.")


def _kind(caller: Caller) -> Kind:
    key = caller.key
    match key.role:
        case Role.USER:
            return Kind.SERVICE if key.acts_for_users or key.user_id is None else Kind.USER
        case Role.COMPANY_ADMIN:
            return Kind.COMPANY_ADMIN
        case Role.ADMIN:
            return Kind.ADMIN


def _reach(action: Action, caller: Caller) -> Reach:
    kind, company = _kind(caller), caller.company
    if kind is Kind.USER and company is not None:
        if action is Action.RECORD_COMPANY_USAGE and not company.users_may_report:
            return Reach.NOBODY
        if action is Action.READ_BILL and not company.users_see_company:
            return Reach.NOBODY
    return _REACHES[action][kind]
