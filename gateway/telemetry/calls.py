"""Owns the one line that each call leaves in the log: who, what, how many tokens, how it ended. Never what was said."""

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


def call_log(record: CallRecord) -> None:
    """Write the event `call`: people by their names in the configuration, what is None left out."""
    caller, usage = record.caller, record.usage
    own = {"request_id": record.request_id}
    fields = {
        "company": caller and caller.company and caller.company.name,
        "user": caller and caller.user and caller.user.name,
        "key": caller and caller.key.name,
        "agent": caller and caller.agent and caller.agent.name,
        "provider": record.provider,
        "model": record.model,
        "purpose": record.purpose,
        "endpoint": record.endpoint,
        "stream": record.stream,
        "status": record.status,
        "outcome": record.outcome,
        "budget": record.budget,
        "input_tokens": usage and usage.input_tokens,
        "output_tokens": usage and usage.output_tokens,
        "estimated": usage and usage.estimated,
        "estimate_tokens": record.estimate_tokens,
        "held_tokens": record.held_tokens,
        "overrun_tokens": record.overrun_tokens,
        "ms": round(record.duration_ms, 1),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    way = short_way()
    if way is None:
        structlog.get_logger().info("call", **own, **fields)
    else:
        way.info("call", own, fields)
