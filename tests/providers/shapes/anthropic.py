"""What Anthropic answers to messages.

Input is three numbers side by side: `input_tokens` + `cache_read_input_tokens` + `cache_creation_input_tokens`. In a
stream `message_start` holds the prompt and a placeholder for the output; each `message_delta` is cumulative and
replaces what it names, the input too (server tools raise it). The part of the one-hour cache (`cache_creation`)
stands in `message_start` only.

`iterations` lists every sampling of the call. The top level is the sum of those of type `message` (one recording: 1128
+ 1283 = 2411) or, after a fallback, the numbers of the model that served; those of type `compaction` and
`advisor_message` are NOT in it and are added, each with its own three numbers of input. A declined attempt before a
`fallback_message` is not billed when it wrote nothing, and is not in the top level either: it is never added.
"""

from gateway.model import Usage
from tests.providers.shapes.shape import JSON, SSE, Shape, named_sse

_AI = "vercel/ai packages/anthropic/src/__fixtures__/"
_PYDANTIC = "pydantic/pydantic-ai tests/models/cassettes/test_anthropic/"

_NO_CACHE = '"cache_creation_input_tokens":0,"cache_read_input_tokens":0'
_NO_TTL = '"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}'
_TIER = '"service_tier":"standard","inference_geo":"global"'
_PING = '{"type": "ping"}'
_STOP = '{"type":"message_stop"          }'
_TEXT_START = '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}'
_TEXT_STOP = '{"type":"content_block_stop","index":0    }'


def _start(usage_json: str) -> str:
    return (
        '{"type":"message_start","message":{"model":"claude-sonnet-5","id":"msg_01","type":"message","role":"assistant",'
        f'"content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"usage":{usage_json}}}     }}'
    )


def _text(text: str) -> str:
    delta = f'"delta":{{"type":"text_delta","text":"{text}"}}'
    return f'{{"type":"content_block_delta","index":0,{delta}    }}'


def _end(usage_json: str, stop_reason: str = "end_turn", rest: str = "") -> str:
    return (
        f'{{"type":"message_delta","delta":{{"stop_reason":"{stop_reason}","stop_sequence":null,"stop_details":null}},'
        f'"usage":{usage_json}{rest}  }}'
    )


def _whole(name: str, source: str, usage_json: str, usage: Usage, note: str = "") -> Shape:
    body = (
        '{"model":"claude-sonnet-4-5","id":"msg_01","type":"message","role":"assistant","content":[{"type":"text","text":'
        f'"Hi"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{usage_json}}}'
    )
    return Shape(name, source, "messages", False, body.encode(), JSON, usage, note)


def _stream(name: str, source: str, events: list[str], usage: Usage | None, note: str = "") -> Shape:
    return Shape(name, source, "messages", True, named_sse(*events), SSE, usage, note)


def _iteration(kind: str, input_tokens: int, output_tokens: int, cache_read: int = 0, model: str = "") -> str:
    named = f',"model":"{model}"' if model else ""
    return (
        f'{{"input_tokens":{input_tokens},"output_tokens":{output_tokens},"cache_read_input_tokens":{cache_read},'
        f'"cache_creation_input_tokens":0,{_NO_TTL},"type":"{kind}"{named}}}'
    )


_WHOLE = (
    _whole(
        "anthropic message, cache read and written",
        "platform.claude.com API reference, Messages, example response",
        '{"cache_creation":{"ephemeral_1h_input_tokens":0,"ephemeral_5m_input_tokens":0},"cache_creation_input_tokens":2051,'
        '"cache_read_input_tokens":2051,"inference_geo":"inference_geo","input_tokens":2095,"output_tokens":503,'
        '"server_tool_use":{"web_search_requests":0},"service_tier":"standard"}',
        Usage(6197, 503, cache_read_tokens=2051, cache_creation_tokens=2051),
        "input excludes both cache numbers, opposite to OpenAI (langfuse#12306, any-llm#622)",
    ),
    _whole(
        "anthropic message, one-hour cache",
        "platform.claude.com docs, prompt caching, 1-hour cache duration, example (its 5-minute part made to add up)",
        '{"input_tokens":2048,"cache_read_input_tokens":1800,"cache_creation_input_tokens":248,"output_tokens":503,'
        '"cache_creation":{"ephemeral_5m_input_tokens":148,"ephemeral_1h_input_tokens":100}}',
        Usage(4096, 503, cache_read_tokens=1800, cache_creation_tokens=248, cache_creation_1h_tokens=100),
        "the parts by lifetime are inside cache_creation_input_tokens",
    ),
    _whole(
        "anthropic message, web search",
        "platform.claude.com docs, web search tool, usage and pricing",
        '{"input_tokens":105,"output_tokens":6039,"cache_read_input_tokens":7123,"cache_creation_input_tokens":7345,'
        '"server_tool_use":{"web_search_requests":1}}',
        Usage(14573, 6039, cache_read_tokens=7123, cache_creation_tokens=7345),
        "searches are billed apart, by request",
    ),
    _whole(
        "anthropic message, thinking",
        _AI + "anthropic-clear-thinking.1.json",
        f'{{"input_tokens":69,{_NO_CACHE},{_NO_TTL},"output_tokens":33,"service_tier":"standard"}}',
        Usage(69, 33),
        "an older answer does not tell the thinking part; it is in output_tokens",
    ),
    _whole(
        "anthropic message, nulls",
        "anthropics/anthropic-sdk-python src/anthropic/types/usage.py: what may be null (numbers illustrative)",
        '{"cache_creation":null,"cache_creation_input_tokens":null,"cache_read_input_tokens":null,"input_tokens":12,'
        '"output_tokens":6,"server_tool_use":null,"service_tier":null}',
        Usage(12, 6),
    ),
    _whole(
        "anthropic message, compaction",
        _AI + "anthropic-compaction.1.json",
        f'{{"input_tokens":682,{_NO_CACHE},{_NO_TTL},"iterations":[{_iteration("compaction", 60385, 592)},'
        f'{_iteration("message", 682, 1320)}],"output_tokens":1320,{_TIER},"server_tool_use":'
        '{"web_search_requests":0}}',
        Usage(61067, 1912),
        "the compaction is not in the top level (BerriAI/litellm#27060)",
    ),
    _whole(
        "anthropic message, advisor",
        _AI + "anthropic-advisor-20260301.1.json",
        f'{{"input_tokens":2414,{_NO_CACHE},{_NO_TTL},"iterations":[{_iteration("message", 1051, 35)},'
        f"{_iteration('advisor_message', 2728, 874, 0, 'claude-opus-4-7')},{_iteration('message', 1363, 3165)}],"
        f'"output_tokens":3200,{_TIER},"server_tool_use":{{"web_search_requests":0,"web_fetch_requests":0}}}}',
        Usage(5142, 4074),
        "the advisor is not in the top level; it has another model's price",
    ),
    _whole(
        "anthropic message, fallback",
        _AI + "anthropic-fallback.json",
        f'{{"input_tokens":412,"output_tokens":264,{_NO_CACHE},"iterations":['
        f"{_iteration('message', 408, 0, 0, 'claude-fable-5')},"
        f"{_iteration('fallback_message', 412, 264, 0, 'claude-opus-4-8')}]}}",
        Usage(412, 264),
        "the declined attempt wrote nothing and is not billed: not added",
    ),
    Shape(
        "anthropic count",
        _PYDANTIC + "test_anthropic_cache_count_tokens.yaml",
        "count_tokens",
        False,
        b'{"input_tokens":1114}',
        JSON,
        None,
        "a count is the answer, not a consumption: counting is free",
    ),
)

_STREAMS = (
    _stream(
        "anthropic stream, thinking",
        _AI + "anthropic-claude-sonnet-5-reasoning-summarized.chunks.txt",
        [
            _start(f'{{"input_tokens":47,{_NO_CACHE},{_NO_TTL},"output_tokens":2,{_TIER}}}'),
            '{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}',
            _PING,
            '{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"I"}          }',
            '{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EsEC"}       }',
            _TEXT_STOP,
            '{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}',
            '{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"21"}   }',
            '{"type":"content_block_stop","index":1       }',
            _end(
                f'{{"input_tokens":47,{_NO_CACHE},"output_tokens":373,"output_tokens_details":{{"thinking_tokens":62}}}}'
            ),
            _STOP,
        ],
        Usage(47, 373, reasoning_tokens=62),
        "output_tokens 2 of message_start is a placeholder: replaced, not added",
    ),
    _stream(
        "anthropic stream, tool use",
        _AI + "anthropic-tool-no-args.chunks.txt",
        [
            _start(f'{{"input_tokens":565,{_NO_CACHE},{_NO_TTL},"output_tokens":7,"service_tier":"standard"}}'),
            _TEXT_START,
            _text("I'll do it"),
            _PING,
            _TEXT_STOP,
            '{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01","name":"f","input":{}}}',
            '{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}',
            '{"type":"content_block_stop","index":1}',
            _end(f'{{"input_tokens":565,{_NO_CACHE},"output_tokens":48}}', "tool_use"),
            _STOP,
        ],
        Usage(565, 48),
    ),
    _stream(
        "anthropic stream, web search raises the input",
        "platform.claude.com docs, streaming messages, streaming with web search",
        [
            _start(f'{{"input_tokens":2679,{_NO_CACHE},"output_tokens":3}}'),
            (
                '{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"srvtoolu_0","name":'
                '"web_search","input":{}}}'
            ),
            '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"query\\""}}',
            _TEXT_STOP,
            (
                '{"type":"content_block_start","index":1,"content_block":{"type":"web_search_tool_result","tool_use_id":'
                '"srvtoolu_0","content":[]}}'
            ),
            '{"type":"content_block_stop","index":1}',
            _end(
                f'{{"input_tokens":10682,{_NO_CACHE},"output_tokens":510,"server_tool_use":{{"web_search_requests":1}}}}'
            ),
            _STOP,
        ],
        Usage(10682, 510),
        "message_delta replaces the input of message_start",
    ),
    _stream(
        "anthropic stream, code execution rewrites the cache",
        _AI + "anthropic-code-execution-20260120-cache-replay.chunks.txt",
        [
            _start(
                '{"input_tokens":2,"cache_creation_input_tokens":3057,"cache_read_input_tokens":0,"cache_creation":'
                f'{{"ephemeral_5m_input_tokens":3057,"ephemeral_1h_input_tokens":0}},"output_tokens":71,{_TIER}}}'
            ),
            (
                '{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"srvtoolu_0","name":'
                '"bash_code_execution","input":{}}}'
            ),
            _PING,
            _TEXT_STOP,
            '{"type":"content_block_start","index":4,"content_block":{"type":"text","text":""}}',
            '{"type":"content_block_delta","index":4,"delta":{"type":"text_delta","text":"650"}}',
            '{"type":"content_block_stop","index":4}',
            _end(
                '{"input_tokens":6,"cache_creation_input_tokens":3326,"cache_read_input_tokens":6267,"output_tokens":198,'
                '"output_tokens_details":{"thinking_tokens":0},"server_tool_use":{"web_search_requests":0}}'
            ),
            _STOP,
        ],
        Usage(9599, 198, cache_read_tokens=6267, cache_creation_tokens=3326),
        "all four numbers grow within one call",
    ),
    _stream(
        "anthropic stream, input corrected at the end",
        _AI + "anthropic-message-delta-input-tokens.chunks.txt",
        [
            (
                '{"type":"message_start","message":{"content":[],"id":"msg_3","model":"claude-opus-4-5","role":"assistant",'
                '"stop_reason":null,"stop_sequence":null,"type":"message","usage":{"input_tokens":43,"output_tokens":1}}}'
            ),
            _TEXT_START,
            _text("p"),
            '{"type":"ping"}',
            _text("ong"),
            _TEXT_STOP,
            (
                '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"input_tokens":61,'
                '"output_tokens":2}}'
            ),
            '{"type":"message_stop"}',
        ],
        Usage(61, 2),
        "a proxy without any cache field",
    ),
    _stream(
        "anthropic stream, nulls at the end",
        "anthropics/anthropic-sdk-python src/anthropic/types/message_delta_usage.py: what may be null (illustrative)",
        [
            _start(
                '{"input_tokens":5,"cache_creation_input_tokens":30,"cache_read_input_tokens":20,"cache_creation":'
                '{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":30},"output_tokens":1}'
            ),
            _TEXT_START,
            _text("Hi"),
            _TEXT_STOP,
            _end(
                '{"cache_creation_input_tokens":null,"cache_read_input_tokens":null,"input_tokens":null,"output_tokens":9,'
                '"server_tool_use":null}'
            ),
            _STOP,
        ],
        Usage(55, 9, cache_read_tokens=20, cache_creation_tokens=30, cache_creation_1h_tokens=30),
        "null never overwrites; the one-hour part was told at the start only",
    ),
    _stream(
        "anthropic stream, compaction with cache",
        _PYDANTIC + "test_anthropic_compaction_usage_with_cache_streaming.yaml",
        [
            _start(
                '{"input_tokens":100,"cache_creation_input_tokens":0,"cache_read_input_tokens":55096,'
                f'{_NO_TTL},"output_tokens":7,{_TIER}}}'
            ),
            '{"type":"content_block_start","index":0,"content_block":{"type":"compaction","content":null}         }',
            _PING,
            '{"type":"content_block_delta","index":0,"delta":{"type":"compaction_delta","content":"The user"}     }',
            _TEXT_STOP,
            '{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}          }',
            '{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hello!"}   }',
            '{"type":"content_block_stop","index":1   }',
            _end(
                f'{{"input_tokens":181,{_NO_CACHE},"output_tokens":8,"iterations":['
                f"{_iteration('compaction', 100, 83, 55096)},{_iteration('message', 181, 8)}]}}",
                "end_turn",
                ',"context_management":{"applied_edits":[]}',
            ),
            _STOP,
        ],
        Usage(55377, 91, cache_read_tokens=55096),
        "message_start tells the compaction, message_delta the answer: the zero replaces, the iteration is added",
    ),
    _stream(
        "anthropic stream, advisor",
        _PYDANTIC + "test_anthropic_advisor_tool_stream.yaml",
        [
            _start(f'{{"input_tokens":1128,{_NO_CACHE},{_NO_TTL},"output_tokens":2,{_TIER}}}'),
            _TEXT_START,
            _PING,
            _text("I ask"),
            _TEXT_STOP,
            (
                '{"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"srvtoolu_01","name":'
                '"advisor","input":{}}  }'
            ),
            '{"type":"content_block_stop","index":2    }',
            (
                '{"type":"content_block_start","index":3,"content_block":{"type":"advisor_tool_result","tool_use_id":'
                '"srvtoolu_01","content":{"type":"advisor_result","text":"4.","stop_reason":"end_turn"}}         }'
            ),
            '{"type":"content_block_stop","index":3            }',
            _end(
                f'{{"input_tokens":2411,{_NO_CACHE},"output_tokens":145,"output_tokens_details":{{"thinking_tokens":47}},'
                '"server_tool_use":{"web_search_requests":0,"web_fetch_requests":0},"iterations":['
                f"{_iteration('message', 1128, 135)},{_iteration('advisor_message', 2543, 18, 0, 'claude-opus-4-8')},"
                f"{_iteration('message', 1283, 10)}]}}"
            ),
            _STOP,
        ],
        Usage(4954, 163, reasoning_tokens=47),
        "2411 + 2543 in, 145 + 18 out",
    ),
    _stream(
        "anthropic stream, refusal",
        _AI + "anthropic-refusal.chunks.txt",
        [
            _start(f'{{"input_tokens":18,{_NO_CACHE},{_NO_TTL},"output_tokens":1,"service_tier":"standard"}}'),
            '{"type":"ping"}',
            _end(f'{{"input_tokens":18,{_NO_CACHE},"output_tokens":5}}', "refusal"),
            '{"type":"message_stop"}',
        ],
        Usage(18, 5),
    ),
    _stream(
        "anthropic stream, two starts",
        _AI + "duplicate-message-start.chunks.txt",
        [
            _start('{"input_tokens":17,"output_tokens":1}'),
            _start('{"input_tokens":17,"output_tokens":1}'),
            _TEXT_START,
            _text("Hi"),
            _TEXT_STOP,
            _end('{"output_tokens":227}'),
            _STOP,
        ],
        Usage(17, 227),
        "replaced, never added",
    ),
    _stream(
        "anthropic stream, error in the middle",
        "platform.claude.com docs, streaming messages, error events (numbers of its basic example)",
        [
            _start('{"input_tokens":25,"output_tokens":1}'),
            _TEXT_START,
            _PING,
            _text("Hel"),
            '{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}',
        ],
        Usage(25, 1),
        "the input is exact, the output only the placeholder of message_start: count what was delivered beside it",
    ),
    _stream(
        "anthropic stream, invocation metrics",
        "docs.aws.amazon.com, Bedrock, InvokeModelWithResponseStream with Claude (numbers illustrative)",
        [
            _start('{"input_tokens":10,"output_tokens":1}'),
            _TEXT_START,
            _text("Hi"),
            _TEXT_STOP,
            _end('{"output_tokens":3}'),
            (
                '{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":10,"outputTokenCount":3,'
                '"invocationLatency":50,"firstByteLatency":20}}'
            ),
        ],
        Usage(10, 3),
        "the same numbers once more, not to be added",
    ),
)

SHAPES = _WHOLE + _STREAMS
