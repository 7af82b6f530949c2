"""What Amazon Bedrock's Converse answers, and its binary event stream.

Input is `inputTokens` + `cacheReadInputTokens` + `cacheWriteInputTokens`, and `totalTokens` holds all of it; the
`...TokenCount` twins are the same numbers again. In a stream usage stands in `metadata`, after `messageStop`.
"""

import base64
import struct
import zlib

from gateway.model import Usage
from tests.providers.shapes.shape import EVENT_STREAM, JSON, Shape

_AI = "vercel/ai packages/amazon-bedrock/src/__fixtures__/"
_PYDANTIC = "pydantic/pydantic-ai tests/models/cassettes/test_bedrock/"
_STRING = 7


def event(kind: str, payload: str) -> bytes:
    """Encode one event as `application/vnd.amazon.eventstream`: prelude, its CRC, headers, payload, CRC of it all."""
    return message({":event-type": kind, ":content-type": JSON, ":message-type": "event"}, payload.encode())


def exception(kind: str, payload: str) -> bytes:
    """Encode one exception: a message like an event's, other headers."""
    return message({":message-type": "exception", ":exception-type": kind, ":content-type": JSON}, payload.encode())


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """Encode a message whose headers are all strings."""
    head = b"".join(
        bytes([len(name)]) + name.encode() + struct.pack("!BH", _STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 12 + len(head) + len(payload) + 4, len(head))
    framed = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return framed + struct.pack("!I", zlib.crc32(framed))


def _whole(name: str, source: str, usage_json: str, usage: Usage | None, note: str = "") -> Shape:
    body = (
        '{"metrics":{"latencyMs":1544},"output":{"message":{"content":[{"text":"5"}],"role":"assistant"}},"stopReason":'
        f'"end_turn","usage":{usage_json}}}'
    )
    return Shape(name, source, "converse", False, body.encode(), JSON, usage, note)


def _stream(name: str, source: str, events: list[bytes], usage: Usage | None, note: str = "") -> Shape:
    return Shape(name, source, "converse", True, b"".join(events), EVENT_STREAM, usage, note)


_START = event("messageStart", '{"p":"abcdefghijklmnopqrstuvwxyz","role":"assistant"}')
_STOP = event("messageStop", '{"p":"abcdefgh","stopReason":"end_turn"}')
_BLOCK_STOP = event("contentBlockStop", '{"contentBlockIndex":0,"p":"ab"}')


def _text(text: str) -> bytes:
    return event("contentBlockDelta", f'{{"contentBlockIndex":0,"delta":{{"text":"{text}"}},"p":"abcd"}}')


def _metadata(usage_json: str, rest: str = "") -> bytes:
    return event(
        "metadata", f'{{"metrics":{{"latencyMs":391}},"p":"abcdefghijklmnopqrstuvwxyz","usage":{usage_json}{rest}}}'
    )


# A whole stream as it was recorded (bodyBase64 of the fixture): the encoder above is not its own witness.
_RECORDED = base64.b64decode(
    "AAAAtAAAAFIFAEFlCzpldmVudC10eXBlBwAMbWVzc2FnZVN0YXJ0DTpjb250ZW50LXR5cGUHABBhcHBsaWNhdGlvbi9qc29uDTptZXNzYWdl"
    "LXR5cGUHAAVldmVudHsicCI6ImFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIiLCJyb2xl"
    "IjoiYXNzaXN0YW50In2fX38tAAAAswAAAFfHSmn6CzpldmVudC10eXBlBwARY29udGVudEJsb2NrRGVsdGENOmNvbnRlbnQtdHlwZQcAEGFw"
    "cGxpY2F0aW9uL2pzb24NOm1lc3NhZ2UtdHlwZQcABWV2ZW50eyJjb250ZW50QmxvY2tJbmRleCI6MCwiZGVsdGEiOnsidGV4dCI6Ik9LIn0s"
    "InAiOiJhYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3gifXbBTlwAAAC+AAAAVz/arUsLOmV2ZW50LXR5cGUHABFjb250ZW50QmxvY2tEZWx0YQ06"
    "Y29udGVudC10eXBlBwAQYXBwbGljYXRpb24vanNvbg06bWVzc2FnZS10eXBlBwAFZXZlbnR7ImNvbnRlbnRCbG9ja0luZGV4IjowLCJkZWx0"
    "YSI6eyJ0ZXh0IjoiLiJ9LCJwIjoiYWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXpBQkNERUZHSElKIn2GXR0lAAAAhgAAAFbZjG6aCzpldmVu"
    "dC10eXBlBwAQY29udGVudEJsb2NrU3RvcA06Y29udGVudC10eXBlBwAQYXBwbGljYXRpb24vanNvbg06bWVzc2FnZS10eXBlBwAFZXZlbnR7"
    "ImNvbnRlbnRCbG9ja0luZGV4IjowLCJwIjoiYWIiffM4iiAAAADZAAAAUf2royMLOmV2ZW50LXR5cGUHAAttZXNzYWdlU3RvcA06Y29udGVu"
    "dC10eXBlBwAQYXBwbGljYXRpb24vanNvbg06bWVzc2FnZS10eXBlBwAFZXZlbnR7ImFkZGl0aW9uYWxNb2RlbFJlc3BvbnNlRmllbGRzIjp7"
    "ImRlbHRhIjp7InN0b3Bfc2VxdWVuY2UiOm51bGx9fSwicCI6ImFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3Iiwic3RvcFJlYXNvbiI6ImVuZF90"
    "dXJuIn0g4kjQAAABAQAAAE4CeknrCzpldmVudC10eXBlBwAIbWV0YWRhdGENOmNvbnRlbnQtdHlwZQcAEGFwcGxpY2F0aW9uL2pzb24NOm1l"
    "c3NhZ2UtdHlwZQcABWV2ZW50eyJtZXRyaWNzIjp7ImxhdGVuY3lNcyI6ODAyfSwicCI6ImFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6QUJD"
    "REVGR0hJSktMTU5PUFFSUyIsInVzYWdlIjp7ImlucHV0VG9rZW5zIjoxMiwib3V0cHV0VG9rZW5zIjo1LCJzZXJ2ZXJUb29sVXNhZ2UiOnt9"
    "LCJ0b3RhbFRva2VucyI6MTd9fa0jZVA="
)

SHAPES = (
    _whole(
        "converse",
        _AI + "issue-19686-usage-raw.json",
        '{"inputTokens":13,"outputTokens":4,"serverToolUsage":{},"totalTokens":17}',
        Usage(13, 4),
    ),
    _whole(
        "converse, cache read",
        _PYDANTIC + "test_bedrock_cache_usage_includes_cache_tokens.yaml",
        '{"cacheReadInputTokenCount":1504,"cacheReadInputTokens":1504,"cacheWriteInputTokenCount":0,'
        '"cacheWriteInputTokens":0,"inputTokens":13,"outputTokens":5,"serverToolUsage":{},"totalTokens":1522}',
        Usage(1517, 5, cache_read_tokens=1504),
        "inputTokens excludes the cache, totalTokens holds it; the twins are not counted again",
    ),
    _whole(
        "converse, cache written for an hour",
        "docs.aws.amazon.com, Bedrock API, TokenUsage and CacheDetail (numbers illustrative)",
        '{"cacheDetails":[{"inputTokens":1200,"ttl":"1h"},{"inputTokens":300,"ttl":"5m"}],"cacheReadInputTokens":0,'
        '"cacheWriteInputTokens":1500,"inputTokens":20,"outputTokens":7,"totalTokens":1527}',
        Usage(1520, 7, cache_creation_tokens=1500, cache_creation_1h_tokens=1200),
        "the parts by lifetime are inside cacheWriteInputTokens",
    ),
    Shape(
        "converse, reasoning",
        _PYDANTIC + "test_bedrock_model_thinking_part_deepseek.yaml",
        "converse",
        False,
        (
            b'{"metrics":{"latencyMs":6697},"output":{"message":{"content":[{"text":"Look."},{"reasoningContent":'
            b'{"reasoningText":{"text":"Hm"}}}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":12,'
            b'"outputTokens":1039,"serverToolUsage":{},"totalTokens":1051}}'
        ),
        JSON,
        Usage(12, 1039),
        "reasoning is in outputTokens, its part is not told",
    ),
    Shape(
        "converse, guardrail stepped in",
        "docs.aws.amazon.com, Bedrock, Converse with guardrails: guardrail_intervened (numbers illustrative)",
        "converse",
        False,
        (
            b'{"metrics":{"latencyMs":311},"output":{"message":{"content":[{"text":"No."}],"role":"assistant"}},"stopReason":'
            b'"guardrail_intervened","trace":{"guardrail":{"actionReason":"blocked"}},"usage":{"inputTokens":0,"outputTokens":'
            b'0,"totalTokens":0}}'
        ),
        JSON,
        Usage(0, 0),
        "an explicit zero is the provider's word",
    ),
    Shape(
        "converse stream, as recorded",
        _AI + "issue-18994-live-converse-stream.json",
        "converse",
        True,
        _RECORDED,
        EVENT_STREAM,
        Usage(12, 5),
        "binary; metadata comes after messageStop",
    ),
    _stream(
        "converse stream, padded",
        _PYDANTIC + "test_bedrock_model_stream.yaml",
        [
            _START,
            _text("The"),
            _text(" capital"),
            _BLOCK_STOP,
            _STOP,
            _metadata('{"inputTokens":13,"outputTokens":82,"serverToolUsage":{},"totalTokens":95}'),
        ],
        Usage(13, 82),
        "p is padding, at any length",
    ),
    _stream(
        "converse stream, reasoning and cache",
        "docs.aws.amazon.com, Bedrock API, ConverseStream, ReasoningContentBlockDelta (numbers illustrative)",
        [
            _START,
            event("contentBlockDelta", '{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"Hm"}},"p":"a"}'),
            event(
                "contentBlockDelta", '{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"Eu"}},"p":"a"}'
            ),
            _BLOCK_STOP,
            event("contentBlockDelta", '{"contentBlockIndex":1,"delta":{"text":"4"},"p":"a"}'),
            event("contentBlockStop", '{"contentBlockIndex":1,"p":"ab"}'),
            _STOP,
            _metadata(
                '{"cacheReadInputTokenCount":900,"cacheReadInputTokens":900,"cacheWriteInputTokenCount":50,'
                '"cacheWriteInputTokens":50,"inputTokens":30,"outputTokens":210,"totalTokens":1190}'
            ),
        ],
        Usage(980, 210, cache_read_tokens=900, cache_creation_tokens=50),
    ),
    _stream(
        "converse stream, openai counts its cache twice",
        "maximhq/bifrost#6942 (measured on openai.gpt-5.6)",
        [
            _START,
            _text("Hi"),
            _BLOCK_STOP,
            _STOP,
            _metadata(
                '{"cacheReadInputTokens":0,"cacheWriteInputTokens":4993,"inputTokens":4995,"outputTokens":19,'
                '"totalTokens":10007}'
            ),
        ],
        Usage(9988, 19, cache_creation_tokens=4993),
        "the provider's own total, though the same call not streamed says inputTokens 2: nothing in the shape tells it",
    ),
    _stream(
        "converse stream, exception in the middle",
        _AI + "model-stream-error-exception.eventstream.base64.txt",
        [
            _START,
            _text("Hel"),
            exception(
                "modelStreamErrorException",
                '{"message":"Model Stream Error","originalStatusCode":500,"originalMessage":"It failed."}',
            ),
        ],
        None,
        "told by :message-type, not by the payload",
    ),
    _stream(
        "converse stream, client left",
        "docs.aws.amazon.com, Bedrock API, ConverseStream: usage in the last event only",
        [_START, _text("Hel"), _text("lo")],
        None,
        "settle by what was delivered",
    ),
)
