"""`GET /v1/budget`: every budget of the caller, from the ledger's own read."""

from collections.abc import Mapping

from aiohttp import web

from gateway.api.answers import json_answer
from gateway.auth import Action, require
from gateway.errors import Forbidden
from gateway.pipeline import limits
from gateway.pipeline.gateway import Gateway


async def own_budgets(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer limit, used, held, remaining and resets_at of each; null where a budget is unlimited."""
    caller = gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())
    user_id = caller.user.id if caller.user else None
    require(Action.OWN_BUDGETS, caller, user_id=user_id)
    if caller.company is None:
        raise Forbidden("This key has no company, so no budget is its own.")
    levels = await gateway.ledger.read(caller.company.id, gateway.rules.all_of(caller))
    answer = json_answer(
        {
            "object": "list",
            "company": {"id": caller.company.id, "name": caller.company.name},
            "user": {"id": caller.user.id, "name": caller.user.name} if caller.user else None,
            "now": limits.instant(gateway.ledger.now_ms() // 1000 * 1000),
            "data": [limits.shown(level) for level in levels],
        },
        call_id,
    )
    answer.headers.update(limits.headers(levels, gateway.ledger.now_ms()))
    return answer
