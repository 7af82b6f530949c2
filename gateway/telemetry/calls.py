"""Owns the one line that each call leaves in the log: who, what, how many tokens, how it ended. Never what was said."""

from collections.abc import Callable

import msgspec
import structlog

from gateway.model import Caller, Usage
from gateway.telemetry.logs import short_way


class CallRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A finished call; None where it did not get so far.

    `outcome` is one word for how it ended, `status` what the client was told, `budget` the one that refused.
    `estimate_tokens` is the prompt's estimate, `held_tokens` all that was set aside, `overrun_tokens` what was used
    beyond that. Not in the line, for the metrics: `listed_model` is the configuration's name or pattern for the model,
    `first_byte_ms` how long the provider took to begin, `released` says that the hold was given back: nothing charged.
    """

    request_id: str
    status: int
    outcome: str
    duration_ms: float
    budget: str | None = None
    endpoint: str | None = None
    stream: bool = False
    caller: Caller | None = None
    provider: str | None = None
    model: str | None = None
    purpose: str | None = None
    estimate_tokens: int | None = None
    held_tokens: int | None = None
    overrun_tokens: int | None = None
    usage: Usage | None = None
    listed_model: str | None = None
    first_byte_ms: float | None = None
    released: bool = False


class _Fields(msgspec.Struct, omit_defaults=True, kw_only=True, gc=False):
    """What the event `call` says, in this order; what is None is left out."""

    request_id: str
    company: str | None = None
    user: str | None = None
    key: str | None = None
    agent: str | None = None
    provider: str | None = None
    model: str | None = None
    purpose: str | None = None
    endpoint: str | None = None
    stream: bool
    status: int
    outcome: str
    budget: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    estimated: bool | None = None
    estimate_tokens: int | None = None
    held_tokens: int | None = None
    overrun_tokens: int | None = None
    ms: float


def call_log(record: CallRecord) -> None:
    """Write the event `call`: people by their names in the configuration, what is None left out."""
    way = short_way()
    if way is None:
        fields = msgspec.structs.asdict(_fields(record, str))
        structlog.get_logger().info("call", **{name: value for name, value in fields.items() if value is not None})
    else:
        way.info("call", _fields(record, way.clean))


def _fields(record: CallRecord, clean: Callable[[str], str]) -> _Fields:
    caller, usage = record.caller, record.usage
    fields = _Fields(
        request_id=record.request_id,
        provider=record.provider and clean(record.provider),
        model=record.model and clean(record.model),
        purpose=record.purpose and clean(record.purpose),
        endpoint=record.endpoint and clean(record.endpoint),
        stream=record.stream,
        status=record.status,
        outcome=clean(record.outcome),
        budget=record.budget and clean(record.budget),
        estimate_tokens=record.estimate_tokens,
        held_tokens=record.held_tokens,
        overrun_tokens=record.overrun_tokens,
        ms=round(record.duration_ms, 1),
    )
    if caller is not None:
        fields.company = clean(caller.company.name) if caller.company else None
        fields.user = clean(caller.user.name) if caller.user else None
        fields.key = clean(caller.key.name)
        fields.agent = clean(caller.agent.name) if caller.agent else None
    if usage is not None:
        fields.input_tokens = usage.input_tokens
        fields.output_tokens = usage.output_tokens
        fields.estimated = usage.estimated
    return fields
