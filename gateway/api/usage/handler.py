"""Whose usage, read from the roll-ups a batch at a time, and given in the format that was asked for."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs

from aiohttp import web

from gateway.api.answers import json_answer
from gateway.api.usage.asked import PARAMETERS, Asked, read
from gateway.api.usage.shown import as_csv, numbers, rows
from gateway.auth import Action, allowed, require
from gateway.errors import BadRequest, Forbidden
from gateway.model import Caller, Company
from gateway.pipeline.gateway import Gateway
from gateway.usage import Counts, days, summed, with_key_names

MOST_GROUPS = 100_000
Sums = dict[tuple[str, ...], Counts]


async def usage(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer the sums of a company's usage, or of the caller's own where the key may see no more."""
    now_ms = gateway.ledger.now_ms()
    caller = gateway.callers.identify(request.headers, now_ms=now_ms)
    asked = read(_query(request), datetime.fromtimestamp(now_ms / 1000, UTC).date())
    company = _company(gateway, caller, asked.company)
    user_id = _only_user(caller, company)
    sums = await _sums(gateway, company, asked, user_id)
    names = {key.hint: key.name for key in gateway.config.keys}
    found = rows(with_key_names(sums, asked.by, names), asked.by)
    if asked.format == "csv":
        text = as_csv(found, asked.by)
        headers = {"x-request-id": call_id, "Cache-Control": "no-store"}
        return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)
    body = {
        "object": "list",
        "company": {"id": company.id, "name": company.name},
        "user": user_id,
        "start": asked.start.isoformat(),
        "end": asked.end.isoformat(),
        "group_by": [by.value for by in asked.by],
        "data": found,
        "total": numbers(sum(sums.values(), Counts())),
    }
    return json_answer(body, call_id)


def _query(request: web.BaseRequest) -> Mapping[str, Sequence[str]]:
    try:
        return parse_qs(request.raw_path.partition("?")[2], keep_blank_values=True, max_num_fields=2 * len(PARAMETERS))
    except ValueError as exc:
        raise BadRequest("There are too many parameters.") from exc


def _company(gateway: Gateway, caller: Caller, named: str | None) -> Company:
    """Give the company asked for; who may not see all of them learns nothing about another."""
    if named is None:
        if caller.company is None:
            raise BadRequest("Name a company: this key has none.", param="company")
        return caller.company
    companies = gateway.config.companies.values()
    found = next((one for one in companies if named in {one.id, one.name}), None)
    own = caller.company
    if own is not None and found is own:
        return own
    require(Action.READ_LOGS, caller, company_id=found.id if found else "", user_id=None)
    if found is None:
        raise BadRequest("There is no such company.", param="company")
    return found


def _only_user(caller: Caller, company: Company) -> str | None:
    """Give the user whose usage alone the caller may see; None for the whole company's."""
    if allowed(Action.READ_LOGS, caller, company_id=company.id):
        return None
    if caller.user is None or not allowed(Action.READ_LOGS, caller, company_id=company.id, user_id=caller.user.id):
        raise Forbidden("This key may not read usage.")
    return caller.user.id


async def _sums(gateway: Gateway, company: Company, asked: Asked, user_id: str | None) -> Sums:
    sums: Sums = {}
    async for record in days(gateway.store, company.id, asked.start, asked.end, sessions=False):
        if user_id is not None and record.user_id != user_id:
            continue
        for group, counts in summed([record], asked.by).items():
            sums[group] = sums.get(group, Counts()) + counts
        if len(sums) > MOST_GROUPS:
            raise BadRequest(
                f"That is over {MOST_GROUPS} groups: group by less or ask for fewer days.", param="group_by"
            )
    return sums
