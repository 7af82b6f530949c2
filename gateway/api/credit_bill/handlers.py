"""The two endpoints: who asks, for what, from the roll-ups; and how a failure is told."""

from collections.abc import Mapping, Sequence
from datetime import date
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from aiohttp import web

from gateway.api.answers import json_answer
from gateway.api.credit_bill.asked import Range, day_of, read_page, read_range
from gateway.api.credit_bill.bill import day_line, total_line
from gateway.auth import Action, require
from gateway.errors import BadRequest, Forbidden, GatewayError, MethodNotAllowed, Unauthenticated
from gateway.model import Company
from gateway.pipeline.gateway import Gateway
from gateway.usage import credits_by_day

PAGE_DAYS = 90
TOTAL_DAYS = 365
MOST_PARAMETERS = 32

# Codes that the vendor publishes for its sibling endpoints; the first that fits.
_CODES: Sequence[tuple[type[GatewayError], int]] = (
    (BadRequest, 40000),
    (MethodNotAllowed, 40000),
    (Unauthenticated, 40127),
    (Forbidden, 20055),
)
_OTHER_CODE = 50000


async def page(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer one line for each day of the range that has begun, ascending, a page of them."""
    company = _company(gateway, request)
    query = _query(request)
    asked = read_range(query, _zone(gateway), most_days=PAGE_DAYS)
    days = read_page(query).of(_days(gateway, asked))
    bills = await credits_by_day(gateway.store, company.id, days[0], days[-1]) if days else {}
    return json_answer([day_line(day, bills.get(day, {})) for day in days], call_id)


async def total(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer the sum of the range's days."""
    company = _company(gateway, request)
    asked = read_range(_query(request), _zone(gateway), most_days=TOTAL_DAYS)
    days = _days(gateway, asked)
    bills = await credits_by_day(gateway.store, company.id, days[0], days[-1]) if days else {}
    return json_answer(total_line(asked.first, asked.last, bills.values()), call_id)


def tell(error: GatewayError, _request: web.BaseRequest, call_id: str) -> web.Response:
    """Give a failure as `{"code", "message"}`."""
    code = next((code for kind, code in _CODES if isinstance(error, kind)), _OTHER_CODE)
    answer = json_answer({"code": code, "message": error.message}, call_id, status=error.status)
    answer.headers.update(error.headers)
    return answer


def _company(gateway: Gateway, request: web.BaseRequest) -> Company:
    caller = gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())
    require(Action.READ_BILL, caller)
    if caller.company is None:
        raise Forbidden("This key has no company, so it has no bill.")
    return caller.company


def _query(request: web.BaseRequest) -> Mapping[str, Sequence[str]]:
    try:
        return parse_qs(request.raw_path.partition("?")[2], keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
    except ValueError as exc:
        raise BadRequest(f"Invalid parameter(s): there are more than {MOST_PARAMETERS}.") from exc


def _days(gateway: Gateway, asked: Range) -> list[date]:
    return asked.until(day_of(gateway.ledger.now_ms(), _zone(gateway)))


def _zone(gateway: Gateway) -> ZoneInfo:
    return ZoneInfo(gateway.config.credits.timezone)
