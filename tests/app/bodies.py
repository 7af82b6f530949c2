"""Bodies that must be refused: path, body, the `param` and the `code` of the refusal."""

import json
from typing import Any

CHAT, COMPLETIONS, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
RESPONSES = "/v1/responses"
VALID: dict[str, dict[str, Any]] = {
    CHAT: {"model": "m:", "messages": [{"role": "user", "content": "Hello"}]},
    COMPLETIONS: {"model": "m:", "prompt": "Hello"},
    EMBEDDINGS: {"model": "m:", "input": "Hello"},
    RESPONSES: {"model": "m:", "input": "Hello"},
}
HELLO = json.dumps(VALID[CHAT]).encode()

UNREADABLE: dict[str, bytes] = {
    "nothing": b"",
    "spaces": b"  \r\n",
    "words": b"Hello there",
    "a form": b"model=m:&stream=false",
    "half an object": HELLO[:-1],
    "two objects": HELLO + HELLO,
    "something after it": HELLO + b"x",
    "single quotes": HELLO.replace(b'"', b"'"),
    "a comma too many": HELLO[:-1] + b",}",
    "a comment": b"/* hello */" + HELLO,
    "a byte-order mark": b"\xef\xbb\xbf" + HELLO,
    "UTF-16": HELLO.decode().encode("utf-16"),
    "UTF-16 without a mark": HELLO.decode().encode("utf-16-le"),
    "UTF-32": HELLO.decode().encode("utf-32"),
    "UTF-7": b"+AHs-" + HELLO[1:],
    "Latin-1": HELLO.replace(b"Hello", b"\xe9t\xe9"),
    "an overlong dot": HELLO.replace(b"Hello", b"\xc0\xae"),
    "a surrogate in UTF-8": HELLO.replace(b"Hello", b"\xed\xa0\x80"),
    "a lone surrogate": HELLO.replace(b"Hello", b"\\ud83d"),
    "an unknown escape": HELLO.replace(b"Hello", b"\\x41"),
    "a line break in a string": HELLO.replace(b"Hello", b"Hel\nlo"),
    "a NUL": HELLO.replace(b"Hello", b"Hel\0lo"),
    "NaN": HELLO[:-1] + b',"temperature":NaN}',
    "Infinity": HELLO[:-1] + b',"temperature":-Infinity}',
    "a number out of range": HELLO[:-1] + b',"max_tokens":1e400}',
    "a leading zero": HELLO[:-1] + b',"max_tokens":010}',
    "a hexadecimal number": HELLO[:-1] + b',"max_tokens":0x10}',
    "an array": b"[" + HELLO + b"]",
    "a string": b'"Hello"',
    "null": b"null",
    "a number": b"1",
    "a hundred and one levels": HELLO[:-1] + b',"x":' + b"[" * 100 + b"]" * 100 + b"}",
    "20,000 levels": b"[" * 20_000,
    "20,000 levels of objects": b'{"a":' * 10_000,
}
"""Bodies that are no JSON object in UTF-8: `invalid_json`, and no field is named."""

TYPE, VALUE, MISSING, NOT_HERE = "invalid_type", "invalid_value", "missing_required_parameter", "unsupported_parameter"
LOW, HIGH, OTHER = "integer_below_min_value", "integer_above_max_value", "invalid_request"


def _message(**fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hello", **fields}]}


def _part(**fields: Any) -> dict[str, Any]:
    return _message(content=[fields])


BOUNDS = ("max_tokens", "max_completion_tokens", "n", "best_of")
ABSENT = ...
"""Stands for a field that is taken out."""

ROWS: list[tuple[str, dict[str, Any], str, str]] = [
    (CHAT, {"model": ABSENT}, "model", MISSING),
    (CHAT, {"model": None}, "model", MISSING),
    (CHAT, {"model": ""}, "model", VALUE),
    (CHAT, {"model": 4}, "model", TYPE),
    (CHAT, {"model": ["m:", "m:2"]}, "model", TYPE),
    (CHAT, {"model": "m: "}, "model", VALUE),
    (CHAT, {"model": "m:\u0000"}, "model", VALUE),
    (CHAT, {"model": "mödel"}, "model", VALUE),
    (CHAT, {"model": "m:|chat|$"}, "model", VALUE),
    (CHAT, {"model": "m" * 201}, "model", VALUE),
    (CHAT, {"messages": ABSENT}, "messages", MISSING),
    (CHAT, {"messages": []}, "messages", VALUE),
    (CHAT, {"messages": "Hello"}, "messages", TYPE),
    (CHAT, {"messages": {"role": "user"}}, "messages", TYPE),
    (CHAT, {"messages": ["Hello"]}, "messages[0]", TYPE),
    (CHAT, {"messages": [{"content": "Hello"}]}, "messages[0].role", MISSING),
    (CHAT, _message(role=1), "messages[0].role", TYPE),
    (CHAT, _message(content=1), "messages[0].content", TYPE),
    (CHAT, _message(content={"text": "Hello"}), "messages[0].content", TYPE),
    (CHAT, _message(content=["Hello"]), "messages[0].content[0]", TYPE),
    (CHAT, _part(type=1), "messages[0].content[0].type", TYPE),
    (CHAT, _part(type="text", text=1), "messages[0].content[0].text", TYPE),
    (CHAT, {"stream": "true"}, "stream", TYPE),
    (CHAT, {"stream": 1}, "stream", TYPE),
    (CHAT, {"stream_options": {"include_usage": True}}, "stream_options", VALUE),
    (CHAT, {"stream": False, "stream_options": {}}, "stream_options", VALUE),
    (CHAT, {"stream": True, "stream_options": []}, "stream_options", TYPE),
    (CHAT, {"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage", TYPE),
    *[(CHAT, {name: 0}, name, LOW) for name in BOUNDS],
    *[(CHAT, {name: -5}, name, LOW) for name in BOUNDS],
    *[(CHAT, {name: 10**30}, name, HIGH) for name in BOUNDS],
    *[(CHAT, {name: value}, name, TYPE) for name in BOUNDS for value in ("9", 1.0, True, [], {})],
    (CHAT, {"n": 129}, "n", HIGH),
    (CHAT, {"max_tokens": 2**31}, "max_tokens", HIGH),
    (CHAT, {"max_tokens": 5, "max_completion_tokens": 0}, "max_completion_tokens", LOW),
    (CHAT, {"metadata": "QA"}, "metadata", TYPE),
    (CHAT, {"metadata": ["purpose"]}, "metadata", TYPE),
    (CHAT, {"metadata": {"purpose": 1}}, "metadata.purpose", OTHER),
    (CHAT, {"metadata": {"purpose": "XX"}}, "metadata.purpose", OTHER),
    (CHAT, {"user": 1}, "user", TYPE),
    (CHAT, {"prompt_cache_key": 1}, "prompt_cache_key", TYPE),
    (CHAT, {"tools": {}}, "tools", TYPE),
    (CHAT, {"tools": ["web_search"]}, "tools[0]", TYPE),
    *[
        (CHAT, {name: "x"}, name, NOT_HERE)
        for name in ("api_base", "base_url", "custom_host", "api_key", "extra_headers", "models")
    ],
    *[
        (CHAT, {name: 5}, name, NOT_HERE)
        for name in ("n_predict", "num_predict", "max_new_tokens", "max_output_tokens")
    ],
    *[
        (CHAT, {name: "m:dear"}, name, NOT_HERE)
        for name in (
            "Model",
            "MODEL",
            "Messages",
            "Max_Tokens",
            "max_token\u017f",
            "N",
            "Stream",
            "\u017ftream",
            "API_Base",
        )
    ],
    (RESPONSES, {"input": ABSENT}, "input", MISSING),
    (RESPONSES, {"input": 7}, "input", TYPE),
    (RESPONSES, {"input": [7]}, "input[0]", TYPE),
    (RESPONSES, {"background": True}, "background", NOT_HERE),
    (RESPONSES, {"max_output_tokens": 0}, "max_output_tokens", LOW),
    (RESPONSES, {"max_tokens": 9}, "max_tokens", NOT_HERE),
    (COMPLETIONS, {"prompt": ABSENT}, "prompt", MISSING),
    (COMPLETIONS, {"prompt": ""}, "prompt", VALUE),
    (COMPLETIONS, {"prompt": []}, "prompt", VALUE),
    (COMPLETIONS, {"prompt": 1}, "prompt", TYPE),
    (COMPLETIONS, {"prompt": {"id": "pmpt_1"}}, "prompt", TYPE),
    (COMPLETIONS, {"prompt": ["a", 1]}, "prompt", VALUE),
    (COMPLETIONS, {"prompt": [1.5]}, "prompt", VALUE),
    (COMPLETIONS, {"prompt": [True]}, "prompt", VALUE),
    (COMPLETIONS, {"prompt": [[]]}, "prompt", VALUE),
    (COMPLETIONS, {"prompt": [[1], ["a"]]}, "prompt", VALUE),
    (COMPLETIONS, {"max_tokens": 0}, "max_tokens", LOW),
    (EMBEDDINGS, {"input": ABSENT}, "input", MISSING),
    (EMBEDDINGS, {"input": ""}, "input", VALUE),
    (EMBEDDINGS, {"input": {}}, "input", TYPE),
    (EMBEDDINGS, {"input": [None]}, "input", VALUE),
    (EMBEDDINGS, {"stream": True}, "stream", NOT_HERE),
]


def body_of(path: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Give the valid body of an endpoint with some fields changed, or taken out."""
    return {name: value for name, value in (VALID[path] | fields).items() if value is not ABSENT}
