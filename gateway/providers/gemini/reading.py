"""A client's request in Gemini's wire format, understood: the Call that everything after it works with.

The rule that matters: each field that metering relies on is checked here, exactly, in either of its spellings; a wrong
one is a 400 that names it. All other fields pass as they are. (https://ai.google.dev/api/generate-content)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import structs

from gateway.model import Call, Endpoint, Request
from gateway.providers.decoding import decode
from gateway.providers.fields import invalid, missing, optional, unsupported
from gateway.providers.gemini.parts import answers_a_tool, found
from gateway.providers.gemini.spelling import (
    MOST_TOKENS,
    camel,
    field,
    number,
    objects,
    refuse_respelled,
    spelled,
)
from gateway.providers.headers import forward_headers
from gateway.providers.names import gemini_thinks
from gateway.providers.openai.reading import read_model

ROUNDS = 10
"""How often a model may go on after a tool that its provider runs: no field of a request limits it."""

STREAM = "stream"
"""The parameter of a path that streams."""

_MOST_CHOICES = 128
_METERED = (
    "model",
    "contents",
    "content",
    "requests",
    "generateContentRequest",
    "generationConfig",
    "systemInstruction",
    "tools",
    "cachedContent",
    "labels",
    "serviceTier",
)
_METERED_CONFIG = (
    "maxOutputTokens",
    "candidateCount",
    "thinkingConfig",
    "responseModalities",
    "mediaResolution",
    "routingConfig",
    "modelSelectionConfig",
)
_OTHER_MODEL = "a request names one model, in its path"
_OWN_TOOL = "functionDeclarations"


@dataclass(frozen=True, slots=True)
class _Config:
    """What `generationConfig` says."""

    output_bound: int | None
    choices: int
    thinks: bool | None
    detail: str | None


def read(request: Request) -> Call:
    """Decode and understand a request: check the body's fields and make the Call of it.

    The model stands in the path; a path that streams has `stream` among its parameters. Raises BadRequest.
    """
    body = decode(request.body)
    refuse_respelled(body, _METERED)
    model = read_model({}, request.params)
    is_stream = STREAM in request.params
    _check_model(body, model)
    call = Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=body,
        body_bytes=len(request.body),
        model=model,
        stream=is_stream,
        wants_usage=True,  # every chunk has it, asked or not
        output_bound=0,
        choices=1,
        can_cap=False,
        session=request.session,
        headers=forward_headers(request.headers),
        query=_query(request) if is_stream else "",
    )
    match request.endpoint:
        case Endpoint.GENERATE_CONTENT:
            return _generating(call)
        case Endpoint.GEMINI_COUNT_TOKENS:
            return structs.replace(call, is_free=True)
        case _:
            return _embedding(call)


def contents_of(call: Call) -> list[dict[str, Any]]:
    """Give the contents of a call, the system's instruction first."""
    body = call.body
    if call.endpoint is Endpoint.BATCH_EMBED_CONTENTS:
        return [content for one in objects(body, "requests") for content in objects(one, "content")]
    if call.endpoint is Endpoint.EMBED_CONTENT:
        return objects(body, "content")
    return [*objects(body, "systemInstruction"), *objects(body, "contents")]


def _query(request: Request) -> str:
    """Give what of the query goes upstream: an array of chunks is told from events by `alt`."""
    alt = request.query.get("alt", "json")
    if alt not in {"json", "sse"}:
        raise invalid("alt", "it is json or sse")
    return "?alt=sse" if alt == "sse" else ""


def _check_model(body: Mapping[str, Any], model: str) -> None:
    """Refuse a body that names another model than its path; the SDKs repeat it in each request of a batch."""
    for place, holder in (("", body), *((f"requests[{at}].", one) for at, one in enumerate(objects(body, "requests")))):
        named = optional(holder, "model", str, at=place)
        if named is not None and named.removeprefix("models/") != model:
            raise invalid(f"{place}model", _OTHER_MODEL)


def _generating(call: Call) -> Call:
    body = call.body
    config = _config(body, call.model)
    contents = objects(body, "contents")
    if not contents:
        raise missing("contents")
    held = found(contents, at="contents", detail=config.detail)
    system = found(objects(body, "systemInstruction"), at="systemInstruction", detail=config.detail)
    tools = objects(body, "tools")
    is_hosted = _has_hosted(tools)
    is_cached = body.get(spelled(body, "cachedContent")) is not None
    labels = field(body, "labels", dict) or {}
    return structs.replace(
        call,
        output_bound=config.output_bound,
        choices=config.choices * (ROUNDS if is_hosted else 1),
        can_cap=True,
        media=held.media + system.media,
        has_tools=bool(tools),
        has_unseen=held.has_unseen or system.has_unseen or is_hosted or is_cached,
        is_tool_turn=answers_a_tool(contents),
        thinks=config.thinks,
        service=_service(body),
        purpose=labels.get("purpose"),
    )


def _config(body: Mapping[str, Any], model: str) -> _Config:
    at = "generationConfig."
    config = field(body, "generationConfig", dict) or {}
    refuse_respelled(config, _METERED_CONFIG, at=at)
    for name in ("routingConfig", "modelSelectionConfig"):
        if config.get(spelled(config, name, at=at)) is not None:
            raise unsupported(at + name, _OTHER_MODEL)
    thinking = field(config, "thinkingConfig", dict, at=at) or {}
    budget = field(thinking, "thinkingBudget", int, at=f"{at}thinkingConfig.")
    return _Config(
        output_bound=number(config, "maxOutputTokens", high=MOST_TOKENS, at=at),
        choices=number(config, "candidateCount", high=_MOST_CHOICES, at=at) or 1,
        thinks=gemini_thinks(model, budget),
        detail=field(config, "mediaResolution", str, at=at),
    )


def _has_hosted(tools: list[dict[str, Any]]) -> bool:
    """Say whether the provider runs one of these tools; the client runs functions only."""
    return any(value is not None and camel(name) != _OWN_TOOL for tool in tools for name, value in tool.items())


def _service(body: Mapping[str, Any]) -> str | None:
    tier = field(body, "serviceTier", str)
    return tier.lower().removeprefix("service_tier_") if tier else None


def _embedding(call: Call) -> Call:
    contents = contents_of(call)
    if not contents:
        raise missing("requests" if call.endpoint is Endpoint.BATCH_EMBED_CONTENTS else "content")
    held = found(contents, at="content")
    return structs.replace(call, media=held.media, has_unseen=held.has_unseen)
