"""Who asks, whose logs those are, and the walk over the roll-ups that gives them.

Checked in this order: token, type, dates, form of the ID, permission, existence; so whoever may not see others' logs
learns nothing about who exists.
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from gateway.api.consumption_logs import cors
from gateway.api.consumption_logs.answers import Answers
from gateway.api.consumption_logs.asked import Asked, read_asked, read_id
from gateway.api.consumption_logs.log import Log, log
from gateway.api.consumption_logs.results import Refused, Result
from gateway.api.entry import Entry, Handler
from gateway.auth import Action, allowed, require
from gateway.config import Config
from gateway.errors import GatewayError, MethodNotAllowed
from gateway.model import Caller, Company
from gateway.pipeline.gateway import Gateway
from gateway.usage import Consumption, Interval, consumption
from gateway.usage.keys import day_of

_DATES = ("", "/{from}", "/{from}/{to}")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose logs: of all users and agents of some companies, or of one.

    `missing` is raised where nothing is found: an id that is not configured exists from its first call.
    """

    companies: Sequence[Company]
    user_id: str | None = None
    agent_id: str | None = None
    missing: Refused | None = None


Find = Callable[[Config, Caller, Mapping[str, str]], Subject]


def entries() -> Mapping[str, Entry]:
    """Give the paths of this API; a date that is left out is left out with its slash."""
    answers = Answers()
    of_each = {"Tenant": ("{tenant}", of_tenant), "User": ("{id}", of_user), "Memori": ("{id}", of_memori)}
    return {
        f"/api/v2/{name}ConsumptionLogs/{{token}}/{whose}/{{type}}{dates}": Entry(
            {"GET": reading(answers, find), "OPTIONS": preflight}, answers.refusal
        )
        for name, (whose, find) in of_each.items()
        for dates in _DATES
    }


def reading(answers: Answers, find: Find) -> Handler:
    """Give the handler that answers the logs of what `find` finds."""

    async def handle(
        gateway: Gateway, request: web.BaseRequest, call_id: str, params: Mapping[str, str]
    ) -> web.StreamResponse:
        headers = cors.granted(request.headers.getall("Origin", []), gateway.config.server.cors_origins)
        try:
            caller = gateway.callers.holder(params["token"], now_ms=gateway.ledger.now_ms())
            asked = read_asked(params)
            subject = find(gateway.config, caller, params)
            async with aclosing(logs(gateway, asked, subject)) as batches:
                return await answers.send(request, call_id, batches, headers)
        except GatewayError as error:
            error.headers = {**error.headers, **headers}
            raise

    return handle


async def preflight(
    gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
) -> web.StreamResponse:
    """Answer a browser that asks for a page whether it may call. Raises MethodNotAllowed where it may not."""
    headers = cors.preflight(request.headers.getall("Origin", []), gateway.config.server.cors_origins)
    if headers is None:
        raise MethodNotAllowed("This endpoint takes GET.", headers={"Allow": "GET"})
    return web.Response(status=204, headers={**headers, "x-request-id": call_id})


def of_tenant(config: Config, caller: Caller, params: Mapping[str, str]) -> Subject:
    """Find a company by its name. Raises Forbidden, Refused."""
    company = next((one for one in config.companies.values() if one.name == params["tenant"]), None)
    require(Action.READ_LOGS, caller, company_id=company.id if company else "")
    if company is None:
        raise Refused(Result.TENANT_NOT_FOUND, "There is no such tenant.")
    return Subject([company])


def of_user(config: Config, caller: Caller, params: Mapping[str, str]) -> Subject:
    """Find a user by its id, in all companies that the caller may see. Raises Refused, Forbidden."""
    user_id = read_id(params, Result.CONSUMPTIONLOG_INVALID_USER_ID)
    require(Action.READ_LOGS, caller, user_id=user_id)
    seen = _seen(config, caller, user_id)
    listing = [company for company in seen if (company.id, user_id) in config.users]
    is_own = caller.user is not None and caller.user.id == user_id
    missing = None if listing or is_own else Refused(Result.USER_NOT_FOUND, "There is no such user.")
    return Subject(listing or seen, user_id=user_id, missing=missing)


def of_memori(config: Config, caller: Caller, params: Mapping[str, str]) -> Subject:
    """Find an agent by its id, in all companies that the caller may see. Raises Refused, Forbidden."""
    agent_id = read_id(params, Result.CONSUMPTIONLOG_INVALID_MEMORI_ID)
    require(Action.READ_LOGS, caller)
    seen = _seen(config, caller, None)
    agent = config.agents.get(agent_id)
    listing = [company for company in seen if agent and agent.company_id == company.id]
    missing = None if listing else Refused(Result.MEMORI_NOT_FOUND, "There is no such memori.")
    return Subject(listing or seen, agent_id=agent_id, missing=missing)


def _seen(config: Config, caller: Caller, user_id: str | None) -> list[Company]:
    return [
        company
        for company in config.companies.values()
        if allowed(Action.READ_LOGS, caller, company_id=company.id, user_id=user_id)
    ]


async def logs(gateway: Gateway, asked: Asked, subject: Subject) -> AsyncGenerator[list[Log], None]:
    """Give the logs in batches: company by company, in the order of their intervals, users and agents.

    Raises StoreUnavailable; and `subject.missing` instead of giving none.
    """
    config = gateway.config
    today = day_of(gateway.ledger.now_ms())
    intervals = asked.intervals(today - timedelta(days=config.store.retention_days), today)
    missing = subject.missing
    for company in subject.companies:
        found = consumption(gateway.store, company.id, intervals, user_id=subject.user_id, agent_id=subject.agent_id)
        async for interval, batch in found:
            missing = None
            yield [_log(config, asked, company, interval, one) for one in batch]
    if missing is not None:
        raise missing


def _log(config: Config, asked: Asked, company: Company, interval: Interval, consumed: Consumption) -> Log:
    user = config.users.get((company.id, consumed.user_id or ""))
    agent = config.agents.get(consumed.agent_id or "")
    return log(asked.kind, interval, company, user, agent, consumed)
