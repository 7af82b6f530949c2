"""A client's request in Anthropic's wire format, understood: the Call that everything after it works with.

The rule that matters: each field that metering relies on is checked here, exactly, and a wrong one is a 400 that names
it; all other fields and the `anthropic-beta` header pass as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model import Call, Endpoint, Request
from gateway.providers.anthropic.blocks import found
from gateway.providers.anthropic.refusals import refuse_unbounded
from gateway.providers.anthropic.tools import compacts, tools_of
from gateway.providers.decoding import decode
from gateway.providers.fields import bounded, invalid, missing, optional, required, wrong_type
from gateway.providers.headers import forward_headers
from gateway.providers.names import claude_thinks
from gateway.providers.openai.reading import read_model, read_purpose

API_VERSION = "2023-06-01"
"""What the provider is told that a client speaks which does not say so itself."""

_MOST_TOKENS = 2**31 - 1
# Whose account pays is the operator's to say, in the provider's `headers`.
_ACCOUNT_HEADERS = frozenset({"anthropic-workspace-id", "anthropic-user-profile-id", "anthropic-organization-id"})


@dataclass(frozen=True, slots=True)
class _Output:
    """The most tokens of one sampling, the fewest that the format takes, and whether the model thinks unseen."""

    bound: int
    least: int = 1
    thinks: bool | None = None


def read(request: Request) -> Call:
    """Decode and understand a request: check the body's fields and make the Call of it.

    Counting tokens is free and has no output. Raises BadRequest naming the field.
    """
    body = decode(request.body)
    refuse_unbounded(body)
    model = read_model(body)
    is_counting = request.endpoint is Endpoint.COUNT_TOKENS
    stream = bool(optional(body, "stream", bool)) and not is_counting
    output = _Output(0) if is_counting else _output(body, model)
    held, tools = found(required(body, "messages", list)), tools_of(body)
    _check_system(body)
    return Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=body,
        body_bytes=len(request.body),
        model=model,
        stream=stream,
        wants_usage=stream,
        output_bound=output.bound,
        choices=tools.rounds,
        media=held.media,
        has_tools=bool(body.get("tools") or body.get("mcp_servers")),
        has_unseen=held.has_stored or tools.are_hosted or _is_elsewhere(body),
        least_output=output.least,
        can_cap=not is_counting,
        is_free=is_counting,
        is_tool_turn=held.is_tool_turn,
        service=optional(body, "speed", str),
        session=request.session,
        purpose=read_purpose(body),
        user=_user(body),
        headers=_headers(request.headers),
        thinks=output.thinks,
        other_models=tools.models,
        query="?beta=true" if request.query.get("beta") == "true" else "",
    )


def _output(body: Mapping[str, Any], model: str) -> _Output:
    """Read what bounds the output; 0 tokens only fill the provider's cache."""
    bound = bounded(body, "max_tokens", low=0, high=_MOST_TOKENS)
    if bound is None:
        raise missing("max_tokens")
    thinking = optional(body, "thinking", dict)
    if not thinking:
        return _Output(bound, thinks=claude_thinks(model))
    kind = required(thinking, "type", str, at="thinking.")
    if kind == "disabled":
        return _Output(bound, thinks=False)
    budget = optional(thinking, "budget_tokens", int, at="thinking.") or 0
    if budget < 0:
        raise invalid("thinking.budget_tokens", "it must not be negative")
    # With interleaved thinking the budget spans several answers and may be larger than any of them.
    return _Output(bound, least=budget + 1 if budget < bound else 1, thinks=True)


def _is_elsewhere(body: Mapping[str, Any]) -> bool:
    """Say whether part of the prompt stands at the provider: a container, a thread; or is read twice."""
    thread = optional(body, "thread", dict) or {}
    return bool(body.get("container")) or thread.get("type", "create") != "create" or compacts(body)


def _check_system(body: Mapping[str, Any]) -> None:
    system = body.get("system")
    if system is not None and type(system) is not str and type(system) is not list:
        raise wrong_type("system", "a string or an array", system)


def _user(body: Mapping[str, Any]) -> str | None:
    metadata = optional(body, "metadata", dict) or {}
    return optional(metadata, "user_id", str, at="metadata.")


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    passed = {name: value for name, value in forward_headers(headers).items() if name not in _ACCOUNT_HEADERS}
    return {"anthropic-version": API_VERSION, **passed}
