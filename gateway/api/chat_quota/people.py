"""Whose quota: the caller's own, or the one user of that id whom the caller may see."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.api.chat_quota.fields import USER_FIELD
from gateway.api.chat_quota.words import InvalidFields
from gateway.budget.seen import seen_in
from gateway.errors import NotFound
from gateway.model import Caller, Company, Role, User
from gateway.pipeline.gateway import Gateway


@dataclass(frozen=True, slots=True)
class Holder:
    """A user with the company that they are of."""

    company: Company
    user: User


async def find(gateway: Gateway, caller: Caller, user_id: str) -> Holder:
    """Find a user, for a caller who may ask. Raises NotFound, and InvalidFields where the id means several users.

    One who is not listed in the file is known from the first call on. An id means something only inside its company:
    the caller's own comes first, and who is of no role above companies finds nobody elsewhere.
    """
    own, everywhere = caller.company, gateway.config.companies
    companies = list(everywhere) if caller.role is Role.ADMIN else [own.id] if own else []
    users = gateway.config.users
    listed = [company_id for company_id in companies if (company_id, user_id) in users]
    company_id = _one(listed or await seen_in(gateway.store, user_id, companies), own)
    user = users.get((company_id, user_id)) or User(user_id, user_id, company_id)
    return Holder(everywhere[company_id], user)


def _one(company_ids: Sequence[str], own: Company | None) -> str:
    if own is not None and own.id in company_ids:
        return own.id
    if not company_ids:
        raise NotFound("User not found.")
    if len(company_ids) > 1:
        raise InvalidFields({USER_FIELD: ["Several companies have a user of this id: ask with a key of the company."]})
    return company_ids[0]
