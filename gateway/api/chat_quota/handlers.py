"""The two endpoints: permission, then the request's fields, then the user, then the ledger."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from gateway.api.answers import json_answer
from gateway.api.chat_quota.bodies import MOST_FIELDS, decode
from gateway.api.chat_quota.fields import NAMES, USER_FIELD, Change, read_asked, read_change
from gateway.api.chat_quota.people import Holder, find
from gateway.api.chat_quota.shown import shown
from gateway.api.chat_quota.words import NOT_PERMITTED, InvalidFields
from gateway.auth import Action, allowed
from gateway.errors import BadRequest, Forbidden
from gateway.model import Caller
from gateway.pipeline.arrival import read_body
from gateway.pipeline.gateway import Gateway

MOST_BODY_BYTES = 65_536

log = structlog.get_logger("chat_quota")


async def usage(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer the quotas of the user that is asked for, or of the caller."""
    caller = gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())
    holder = await _holder(gateway, caller, read_asked(_query(request).get(USER_FIELD)))
    levels = await gateway.ledger.read(holder.company.id, gateway.rules.quota_budgets(holder.company, holder.user))
    return json_answer(shown(levels), call_id)


async def set_quota(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Change the limits that the body names, all or none, and answer nothing."""
    caller = gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())
    if not allowed(Action.SET_USER_QUOTA, caller):
        raise Forbidden(NOT_PERMITTED)
    body = await read_body(request, MOST_BODY_BYTES, gateway.bodies.load(caller.key.name, gateway.config.server))
    change = read_change(decode(request.headers.get("Content-Type", ""), body))
    holder = await find(gateway, caller, change.user_id)
    if change.limits:
        await _apply(gateway, caller, holder, change, call_id)
    return web.Response(headers={"x-request-id": call_id, "Cache-Control": "no-store"})


def _query(request: web.BaseRequest) -> dict[str, str]:
    """Read the query; of a name that stands in it twice, the last counts."""
    text = request.raw_path.partition("?")[2]
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as exc:
        raise BadRequest(f"The query has over {MOST_FIELDS} fields.") from exc


async def _holder(gateway: Gateway, caller: Caller, asked: str | None) -> Holder:
    """Find whose quotas to show: permission comes first, so who has none learns nothing of other users."""
    user_id = asked or (caller.user.id if caller.user else None)
    if not allowed(Action.READ_USER_QUOTA, caller, user_id=user_id):
        raise Forbidden("You can only view your own usage." if asked else NOT_PERMITTED)
    if user_id is None:
        raise InvalidFields({USER_FIELD: ["This field is required: the key is no user's."]})
    if caller.company and caller.user and caller.user.id == user_id:
        return Holder(caller.company, caller.user)
    return await find(gateway, caller, user_id)


async def _apply(gateway: Gateway, caller: Caller, holder: Holder, change: Change, call_id: str) -> None:
    budgets = zip(NAMES, gateway.rules.quota_budgets(holder.company, holder.user), strict=True)
    limits = {budget: change.limits[period] for period, budget in budgets if period in change.limits}
    before = await gateway.ledger.override(holder.company.id, limits, who=caller.key.name)
    log.info(
        "quota_set",
        request_id=call_id,
        key=caller.key.name,
        company=holder.company.name,
        user=holder.user.name,
        old={budget.name: old and old.limit for budget, old in zip(limits, before, strict=True)},
        new={budget.name: limit for budget, limit in limits.items()},
    )
