"""One call from its request to its answer, on one screen."""

import asyncio
import time
from collections.abc import Mapping

from aiohttp import web

from gateway.auth import Action, require
from gateway.errors import Forbidden, GatewayError
from gateway.model import Call, Caller, Company, Endpoint, Purpose
from gateway.pipeline import limits, whole
from gateway.pipeline.admission import Admitted, admit
from gateway.pipeline.arrival import LOAD, read_call
from gateway.pipeline.direct import send_whole
from gateway.pipeline.gateway import Gateway
from gateway.pipeline.places import Place
from gateway.pipeline.stream import Relay
from gateway.pipeline.trail import End, Trail, refused_as, tell
from gateway.providers.headers import id_headers
from gateway.purpose import PURPOSE_HEADER

OUTPUT_LIMIT_HEADER = "X-Gateway-Output-Limit"
"""The completion tokens per choice that a budget leaves a call, where that was sent to the provider as its bound."""

CLIENT_LEFT = 499
"""What the log says of a call whose client did not wait for the answer; nginx's number for it."""

_FAILED = End(500, "failed")


async def proxy(
    gateway: Gateway, request: web.BaseRequest, endpoint: Endpoint, call_id: str, params: Mapping[str, str]
) -> web.StreamResponse:
    """Carry out one call. Raises GatewayError; whatever happens, the call is settled and logged."""
    trace = gateway.tracing.begin(endpoint.value, request.headers)
    trail = Trail(call_id, time.perf_counter(), endpoint, trace=trace)
    end = _FAILED
    try:
        response, outcome = await _proxy(gateway, request, trail, params)
        end = End(response.status, outcome)
    except GatewayError as error:
        error.headers = {**_limits(gateway, trail), **error.headers}
        end = refused_as(error)
        raise
    except (asyncio.CancelledError, ConnectionResetError):
        end = End(CLIENT_LEFT, "client_left")
        raise
    else:
        return response
    finally:
        tell(gateway, trail, end)


async def _proxy(
    gateway: Gateway, request: web.BaseRequest, trail: Trail, params: Mapping[str, str]
) -> tuple[web.StreamResponse, str]:
    """Read, identify, route, then what takes a place: each step takes the nouns before it."""
    caller = trail.caller = gateway.callers.identify(request.headers, now_ms=gateway.ledger.now_ms())
    limit_bytes = gateway.config.server.max_body_bytes
    load = gateway.bodies.load(caller.key.name, gateway.config.server)
    call = trail.call = await read_call(
        gateway.aside, request, trail.endpoint, params, call_id=trail.call_id, limit_bytes=limit_bytes, load=load
    )
    if caller.key.user_from_body:
        now_ms = gateway.ledger.now_ms()
        caller = trail.caller = gateway.callers.identify(request.headers, now_ms=now_ms, body_user=call.user)
    company = _company(caller)
    purpose = trail.purpose = _purpose(gateway, request, call, caller)
    route = trail.route = gateway.routes.find(call.model, caller.key.models, call.endpoint)
    for other in call.other_models:
        gateway.routes.find(other, caller.key.models, call.endpoint)
    with gateway.places.take(caller.key.name, gateway.config.server.max_in_flight_per_key) as place:
        trail.admitted = await admit(gateway, call, caller, company, purpose, route, trail.trace)
        return await _sent(gateway, request, trail, trail.admitted, place)


async def _sent(
    gateway: Gateway, request: web.BaseRequest, trail: Trail, admitted: Admitted, place: Place
) -> tuple[web.StreamResponse, str]:
    """Send an admitted call, and give its answer and how it ended."""
    call = admitted.call
    if call.stream:
        relay = Relay(gateway, admitted, request)
        response = await relay.run(_ours(gateway, trail))
        if not isinstance(response, whole.Reply):
            return response, relay.outcome
        reply = response
    else:
        exchange = gateway.tasks.spawn(whole.exchange(gateway, admitted), name=f"exchange {call.id}")
        place.keep_for(exchange)
        request[LOAD].keep_for(exchange)
        reply = await whole.detached(exchange)
    outcome = "ok" if reply.status < whole.REFUSED_FROM else "upstream_refused"
    headers = {**reply.headers, **_ours(gateway, trail)}
    most_seconds = admitted.route.provider.timeouts.total
    return await send_whole(request, reply.status, headers, reply.body, most_seconds=most_seconds), outcome


def _company(caller: Caller) -> Company:
    require(Action.CALL_MODELS, caller)
    if caller.company is None:
        raise Forbidden("This key has no company: it cannot call models.")
    return caller.company


def _purpose(gateway: Gateway, request: web.BaseRequest, call: Call, caller: Caller) -> Purpose:
    return gateway.purposes.of(request.headers.get(PURPOSE_HEADER), call.purpose, caller.key)


def _ours(gateway: Gateway, trail: Trail) -> dict[str, str]:
    """Give the headers that every answer of a call has from us, with the numbers of this moment."""
    headers = id_headers(trail.endpoint.wire, trail.call_id)
    if trail.admitted is not None and trail.admitted.cap is not None:
        headers[OUTPUT_LIMIT_HEADER] = str(trail.admitted.cap)
    headers.update(_limits(gateway, trail))
    return headers


def _limits(gateway: Gateway, trail: Trail) -> dict[str, str]:
    if trail.admitted is None:
        return {}
    return limits.headers(trail.admitted.hold.levels, gateway.ledger.now_ms())
