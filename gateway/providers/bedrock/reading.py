"""A client's request in Converse's words, understood: the Call that everything after it works with.

The rule that matters: each field that metering relies on is checked here, exactly, and a wrong one is a 400 that names
it; all other fields pass as they are. The model stands in the path.
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html)
"""

from collections.abc import Mapping
from typing import Any

from gateway.model import Call, Request
from gateway.providers.bedrock.blocks import Found, found
from gateway.providers.bedrock.extras import extras_of
from gateway.providers.decoding import decode
from gateway.providers.fields import bounded, optional, required, unsupported, wrong_type
from gateway.providers.headers import forward_headers
from gateway.providers.openai.reading import read_model

STREAM = "stream"
"""The parameter of the path that streams."""

HOSTED_ROUNDS = 10
"""How often a model may go on after a tool that Bedrock runs: no limit is documented, and none can be named."""

_MOST_TOKENS = 2**31 - 1
_BOUND = "inferenceConfig.maxTokens"
_TEXT_SYSTEM = frozenset({"text", "cachePoint", "guardContent"})
# What the client runs, and what marks the cache; a `systemTool` is run by Bedrock.
_OWN_TOOLS = frozenset({"toolSpec", "cachePoint"})


def read(request: Request) -> Call:
    """Decode and understand a request: check the body's fields and make the Call of it.

    A path that streams has `stream` among its parameters. A stored prompt (its ARN in the model's place) brings what
    only Bedrock knows, its own bound too, and takes no other. Raises BadRequest naming the field.
    """
    body = decode(request.body)
    model = read_model(body, request.params)
    if "modelId" in body:
        raise unsupported("modelId", "the model stands in the path")
    is_stored = ":prompt/" in model or bool(optional(body, "promptVariables", dict))
    held, bound = _held(body, is_stored=is_stored), _output_bound(body)
    extras = extras_of(body, model, bound)
    is_hosted, has_tools = _tools(body)
    _check_system(body)
    return Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=body,
        body_bytes=len(request.body),
        model=model,
        stream=STREAM in request.params,
        wants_usage=True,
        output_bound=bound,
        choices=max(extras.tools.rounds, HOSTED_ROUNDS if is_hosted else 1),
        media=held.media,
        has_tools=has_tools or extras.has_tools,
        has_unseen=held.has_stored or is_stored or is_hosted or extras.tools.are_hosted,
        least_output=extras.least_output,
        can_cap=not is_stored,
        is_tool_turn=held.is_tool_turn,
        session=request.session,
        purpose=(optional(body, "requestMetadata", dict) or {}).get("purpose"),
        headers=forward_headers(request.headers),
        thinks=extras.thinks,
        other_models=extras.tools.models,
    )


def _held(body: Mapping[str, Any], *, is_stored: bool) -> Found:
    messages = optional(body, "messages", list) if is_stored else required(body, "messages", list)
    return found(messages or [])


def _output_bound(body: Mapping[str, Any]) -> int | None:
    config = optional(body, "inferenceConfig", dict) or {}
    return bounded({_BOUND: config.get("maxTokens")}, _BOUND, low=1, high=_MOST_TOKENS)


def _tools(body: Mapping[str, Any]) -> tuple[bool, bool]:
    """Say whether Bedrock runs some of the tools, and whether there are any."""
    config = optional(body, "toolConfig", dict) or {}
    tools = optional(config, "tools", list, at="toolConfig.") or []
    for place, tool in enumerate(tools):
        if type(tool) is not dict:
            raise wrong_type(f"toolConfig.tools[{place}]", "an object", tool)
    return any(not tool.keys() <= _OWN_TOOLS for tool in tools), bool(tools)


def _check_system(body: Mapping[str, Any]) -> None:
    """Check that the system prompt is text: nothing else in it is looked at."""
    for place, block in enumerate(optional(body, "system", list) or []):
        if type(block) is not dict:
            raise wrong_type(f"system[{place}]", "an object", block)
        for name in block.keys() - _TEXT_SYSTEM:
            raise unsupported(f"system[{place}].{name}", "a system prompt is text")
