"""What is known of a call in the end: its line in the log, its counts, its warnings, what its estimate teaches.

The one rule that matters: it is told once, and only when the call is charged: of a call whose client has left that is
later than its handler's end.
"""

import time

import msgspec

from gateway.errors import BudgetRefused, GatewayError
from gateway.model import Call, Caller, Endpoint, Purpose, Route
from gateway.pipeline.admission import Admitted
from gateway.pipeline.gateway import Gateway
from gateway.pipeline.learning import learn
from gateway.telemetry import CallRecord, call_log
from gateway.telemetry.tracing import NO_TRACE, Trace


class Trail(msgspec.Struct):
    """What a call has come to, filled in as far as it gets."""

    call_id: str
    started: float
    endpoint: Endpoint
    call: Call | None = None
    caller: Caller | None = None
    purpose: Purpose | None = None
    route: Route | None = None
    admitted: Admitted | None = None
    trace: Trace = NO_TRACE


class End(msgspec.Struct, frozen=True, gc=False):
    """What the client was told in the end; `budget` is the one that refused."""

    status: int
    outcome: str
    budget: str | None = None


def refused_as(error: GatewayError) -> End:
    """Give the end of a call that an error ended."""
    budget = str(error.budget["name"]) if isinstance(error, BudgetRefused) else None
    return End(error.status, error.code or error.type, budget)


def tell(gateway: Gateway, trail: Trail, end: End) -> None:
    """Tell of a call that has ended, as soon as its charge is known."""
    duration_ms = (time.perf_counter() - trail.started) * 1000
    if trail.admitted is None:
        _tell(gateway, trail, end, duration_ms)
    else:
        trail.admitted.hold.when_closed(lambda: _tell(gateway, trail, end, duration_ms))


def _tell(gateway: Gateway, trail: Trail, end: End, duration_ms: float) -> None:
    record = _record(trail, end, duration_ms)
    call_log(record)
    gateway.metrics.call_ended(record)
    trail.trace.end(record)
    if trail.admitted is not None:
        gateway.warnings.observe(trail.admitted.caller, trail.admitted.hold.levels)
        learn(gateway, trail.admitted)


def _record(trail: Trail, end: End, duration_ms: float) -> CallRecord:
    admitted, call, route = trail.admitted, trail.call, trail.route
    hold = admitted.hold if admitted else None
    return CallRecord(
        request_id=trail.call_id,
        status=end.status,
        outcome=end.outcome,
        budget=end.budget,
        duration_ms=duration_ms,
        endpoint=trail.endpoint.value,
        stream=bool(call and call.stream),
        caller=trail.caller,
        provider=route.provider.name if route else None,
        model=route.model if route else None,
        listed_model=route.spec.name if route else None,
        purpose=trail.purpose.code if trail.purpose else None,
        estimate_tokens=admitted.estimate.prompt_tokens if admitted else None,
        held_tokens=hold.granted_tokens + admitted.estimate.prompt_tokens if admitted and hold else None,
        overrun_tokens=hold.overrun_tokens if hold else None,
        usage=hold.usage if hold else None,
        released=bool(hold and hold.usage is None),
        first_byte_ms=admitted.timing.first_byte_ms if admitted else None,
    )
