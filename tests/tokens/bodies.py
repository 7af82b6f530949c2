"""Request bodies for the tests: the published examples, and generated ones."""

import json
from typing import Any

from hypothesis import strategies as st

from gateway.model import Call, Endpoint, Media, MediaKind

# OpenAI, "How to count tokens with tiktoken", sections 6 and 7: the API itself counted 129 (gpt-4) and 124 (gpt-4o)
# tokens for the first, 105 and 101 for the second.
JARGON = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant "
        "that translates corporate jargon into plain English.",
    },
    {"role": "system", "name": "example_user", "content": "New synergies will help drive top-line growth."},
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Things working well together will increase revenue.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base "
        "on opportunities for increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]
WEATHER = [
    {
        "role": "system",
        "content": "You are a helpful assistant that can answer to questions about the weather.",
    },
    {"role": "user", "content": "What's the weather like in San Francisco?"},
]
WEATHER_TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_current_weather",
            "description": "Get the current weather in a given location",
            "parameters": {
                "type": "object",
                "properties": {
                    "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                    "unit": {
                        "type": "string",
                        "description": "The unit of temperature to return",
                        "enum": ["celsius", "fahrenheit"],
                    },
                },
                "required": ["location"],
            },
        },
    }
]

_TEXT = st.text(max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_SCHEMA = st.recursive(
    st.sampled_from(["string", "number", "integer", "boolean"]).map(lambda kind: {"type": kind})
    | st.builds(lambda values: {"enum": values}, st.lists(_TEXT, min_size=1, max_size=4)),
    lambda inner: (
        st.builds(
            lambda properties, description: {"type": "object", "properties": properties, "description": description},
            st.dictionaries(st.text(max_size=8), inner, max_size=4),
            _TEXT,
        )
        | st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, max_size=3))
    ),
    max_leaves=8,
)
TOOL = st.builds(
    lambda name, description, schema: {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": schema},
    },
    _TEXT,
    _TEXT,
    st.builds(lambda properties: {"type": "object", "properties": properties}, st.dictionaries(_TEXT, _SCHEMA)),
)
_CALL = st.builds(
    lambda name, arguments: {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}},
    _TEXT,
    _TEXT,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["system", "user", "assistant", "tool"])},
    optional={
        "content": _TEXT
        | st.lists(st.builds(lambda text: {"type": "text", "text": text}, _TEXT), max_size=3)
        | st.none(),
        "name": _TEXT,
        "tool_calls": st.lists(_CALL, max_size=3),
    },
)
CHAT = st.fixed_dictionaries(
    {"messages": st.lists(MESSAGE, max_size=5)}, optional={"tools": st.lists(TOOL, max_size=2), "seed": st.integers()}
)


def call(body: dict[str, Any], *, model: str = "gpt-4o", endpoint: Endpoint = Endpoint.CHAT, media: int = 0) -> Call:
    """Build a call from a body, as it would have been read."""
    body = {"model": model, **body}
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    return Call(
        id="call",
        endpoint=endpoint,
        body=body,
        body_bytes=size,
        model=model,
        stream=False,
        wants_usage=False,
        output_bound=None,
        choices=1,
        media=(Media(MediaKind.IMAGE),) * media,
        has_tools=bool(body.get("tools") or body.get("functions")),
    )
