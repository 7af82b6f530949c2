"""The two operations: who asks, about which company, and the ledger's own numbers."""

from collections.abc import Mapping
from hashlib import sha256

import structlog
from aiohttp import web

from gateway.api.company_usage.answers import answer
from gateway.api.company_usage.bodies import MAX_BODY_BYTES, read_pairs
from gateway.api.company_usage.fields import COMPANY_ID, Invalid, Pairs, company_id, tokens_used
from gateway.api.company_usage.negotiation import Format, media_type, query_pairs
from gateway.api.company_usage.usage import usage_members
from gateway.api.company_usage.writing import CONTENT_TYPES
from gateway.auth import Action, require
from gateway.budget.lease import Report
from gateway.errors import BadRequest, Conflict, NotFound, UnsupportedMedia
from gateway.model import Caller, Company
from gateway.pipeline.arrival import read_body
from gateway.pipeline.bodies import Load
from gateway.pipeline.gateway import Gateway

log = structlog.get_logger("company_usage")

GET_USAGE = "GetAiChatUsage"
RECORD_USAGE = "RecordAiChatUsage"

IDEMPOTENCY_KEY = "Idempotency-Key"
REMEMBERED_SECONDS = 24 * 3600
_MAX_KEY_CHARS = 255


async def get_usage(
    gateway: Gateway, request: web.BaseRequest, call_id: str, params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer what a company has used in its window; the caller's own where none is named."""
    caller = _caller(gateway, request)
    load = gateway.bodies.load(caller.key.name, gateway.config.server)
    pairs = await _pairs(request, GET_USAGE, params, load)
    company = _company(gateway, caller, Action.READ_COMPANY_USAGE, company_id(pairs))
    (level,) = await gateway.ledger.read(company.id, (gateway.rules.company_budget(company),))
    return answer(usage_members(company, level), request, call_id, GET_USAGE)


async def record_usage(
    gateway: Gateway, request: web.BaseRequest, call_id: str, params: Mapping[str, str]
) -> web.StreamResponse:
    """Charge tokens that were consumed elsewhere, over the limit too; answer the updated usage.

    With an `Idempotency-Key`, once in 24 hours for each API key and company. Raises Conflict where other tokens stand
    under that key.
    """
    caller = _caller(gateway, request)
    report_id = _report_id(caller, request)
    load = gateway.bodies.load(caller.key.name, gateway.config.server)
    pairs = await _pairs(request, RECORD_USAGE, params, load)
    company = _company(gateway, caller, Action.RECORD_COMPANY_USAGE, company_id(pairs))
    tokens = tokens_used(pairs)
    report = _report(gateway, caller, company, tokens, f"{report_id}.{company.id}" if report_id else call_id)
    reported = await gateway.ledger.report(report)
    if reported is None:
        raise Conflict("This Idempotency-Key was used for a report of other tokens.", param=IDEMPOTENCY_KEY)
    log.info(
        "usage_reported",
        request_id=call_id,
        company=company.name,
        key=caller.key.name,
        tokens=tokens,
        is_new=reported.is_new,
    )
    return answer(usage_members(company, reported.levels[0]), request, call_id, RECORD_USAGE)


def _caller(gateway: Gateway, request: web.BaseRequest) -> Caller:
    return gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())


async def _pairs(request: web.BaseRequest, operation: str, params: Mapping[str, str], load: Load) -> Pairs:
    """Give the fields of the query and, where there may be one, of the body."""
    query = query_pairs(request.raw_path)
    if request.method == "GET":
        return query
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMedia("Send the body without a content encoding.", param="Content-Encoding")
    body = await read_body(request, MAX_BODY_BYTES, load)
    assumed = CONTENT_TYPES[Format(params.get("format", Format.JSON))]
    kind = media_type(request.headers.get("Content-Type", assumed))
    return [*query, *read_pairs(kind, request.charset, body, operation)]


def _company(gateway: Gateway, caller: Caller, action: Action, named: str | None) -> Company:
    require(action, caller, company_id=named)
    company = caller.company if named is None else gateway.config.companies.get(named)
    if company is None and named is None:
        raise Invalid(f"'{COMPANY_ID}' is required: this key has no company.", code="NotNull", param=COMPANY_ID)
    if company is None:
        raise NotFound("There is no such company.", param=COMPANY_ID)
    return company


def _report_id(caller: Caller, request: web.BaseRequest) -> str | None:
    """Give the name of a report that may be sent again; one key's names are nothing to another key."""
    values = request.headers.getall(IDEMPOTENCY_KEY, [])
    if not values:
        return None
    text = values[0].strip()
    if len(values) > 1 or not 0 < len(text) <= _MAX_KEY_CHARS:
        message = f"{IDEMPOTENCY_KEY} must be sent once, with 1 to {_MAX_KEY_CHARS} characters."
        raise BadRequest(message, param=IDEMPOTENCY_KEY)
    return sha256(f"{caller.key.sha256}.{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _report(gateway: Gateway, caller: Caller, company: Company, tokens: int, report_id: str) -> Report:
    user = caller.user.id if caller.user else "-"
    return Report(
        id=report_id,
        digest=str(tokens),
        life_seconds=REMEMBERED_SECONDS,
        company_id=company.id,
        budgets=(gateway.rules.company_budget(company),),
        amounts=(tokens,),
        rollup=gateway.rollups.reported(caller.key, company.id, gateway.ledger.now_ms(), tokens),
        who=f"{company.id}|{user}|{caller.key.name}",
    )
