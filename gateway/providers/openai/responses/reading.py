"""A request for a response, a compaction or a count, understood.

The rule that matters: each field that metering relies on is checked exactly; all others pass as they are.
(https://platform.openai.com/docs/api-reference/responses/create and its siblings)
"""

from collections.abc import Mapping
from typing import Any

from gateway.model import Call, Endpoint, Request
from gateway.providers.decoding import decode
from gateway.providers.fields import bounded, optional, unsupported, wrong_type
from gateway.providers.headers import forward_headers
from gateway.providers.openai.reading import read_model, read_purpose
from gateway.providers.openai.refusals import RESPONSES, ROUNDS, refuse, tools_in
from gateway.providers.openai.responses.items import has_hosted_tools, read_items

LEAST_OUTPUT_TOKENS = 16
"""The smallest `max_output_tokens` that OpenAI takes (API reference)."""

_MOST_TOKENS = 2**31 - 1


def read(request: Request) -> Call:
    """Decode and understand a request. Raises BadRequest naming the field.

    A stream reports its usage unasked, so it is as if the client wanted it.
    """
    body = decode(request.body)
    model = read_model(body, request.params)
    refuse(body, RESPONSES)
    is_response = request.endpoint is Endpoint.RESPONSES
    has_stored = _names_stored(body)
    items = read_items(body, is_needed=not has_stored)
    optional(body, "instructions", str)
    tools = tools_in(body)
    # A prompt that the provider stores may bring tools of its own.
    is_hosted = items.has_hosted or has_hosted_tools(tools) or _manages_context(body) or body.get("prompt") is not None
    rounds = _rounds(body)
    return Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=body,
        body_bytes=len(request.body),
        model=model,
        stream=_stream(body, is_response=is_response),
        wants_usage=True,
        output_bound=_output_bound(body, request.endpoint),
        choices=rounds if is_hosted and is_response else 1,
        media=items.media,
        has_tools=bool(tools),
        has_unseen=has_stored or items.has_unseen or is_hosted,
        least_output=LEAST_OUTPUT_TOKENS,
        can_cap=is_response,
        is_free=request.endpoint is Endpoint.RESPONSES_INPUT_TOKENS,
        is_tool_turn=items.is_tool_turn,
        service=optional(body, "service_tier", str),
        session=request.session or optional(body, "prompt_cache_key", str) or None,
        purpose=read_purpose(body),
        user=optional(body, "user", str),
        headers=forward_headers(request.headers),
    )


def _stream(body: Mapping[str, Any], *, is_response: bool) -> bool:
    stream = optional(body, "stream", bool) or False
    if stream and not is_response:
        raise unsupported("stream", "only responses are streamed")
    return stream


def _names_stored(body: Mapping[str, Any]) -> bool:
    """Say whether a part of the prompt is stored by the provider: an earlier response, a conversation, a prompt."""
    previous = optional(body, "previous_response_id", str)
    prompt = optional(body, "prompt", dict)
    conversation = body.get("conversation")
    if conversation is not None and type(conversation) is not str and type(conversation) is not dict:
        raise wrong_type("conversation", "a string or an object", conversation)
    return any(one is not None for one in (previous, prompt, conversation))


def _manages_context(body: Mapping[str, Any]) -> bool:
    """Say whether the provider may compact the context on its way: a round of its own."""
    return bool(optional(body, "context_management", list))


def _rounds(body: Mapping[str, Any]) -> int:
    """Give how often the model may answer: after each tool that the provider runs, and once in the end."""
    calls = bounded(body, "max_tool_calls", low=0, high=_MOST_TOKENS)
    return ROUNDS if calls is None else calls + 1


def _output_bound(body: Mapping[str, Any], endpoint: Endpoint) -> int | None:
    named = bounded(body, "max_output_tokens", low=1, high=_MOST_TOKENS)
    match endpoint:
        case Endpoint.RESPONSES:
            return named
        case Endpoint.RESPONSES_COMPACT:
            return None
        case _:
            return 0
