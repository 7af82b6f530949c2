"""What the Responses API answers: usage in the answer, or in the terminal event of a stream, whichever that is."""

from gateway.model import Usage
from tests.providers.shapes.shape import JSON, SSE, Shape, named_sse

_AI = "vercel/ai packages/openai/src/responses/__fixtures__/"

_NO_TOOL_USAGE = (
    '{"image_gen":{"input_tokens":0,"input_tokens_details":{"image_tokens":0,"text_tokens":0},"output_tokens":0,'
    '"output_tokens_details":{"image_tokens":0,"text_tokens":0},"total_tokens":0},"web_search":{"num_requests":0}}'
)


def _response(status: str, usage_json: str, output: str = "[]", rest: str = "") -> str:
    return (
        f'{{"id":"resp_1","object":"response","created_at":1791456012,"status":"{status}","background":false,"error":null,'
        f'"incomplete_details":null,"instructions":null,"model":"m","output":{output},"parallel_tool_calls":true,'
        f'"service_tier":"default","store":false{rest},"truncation":"disabled","usage":{usage_json},"user":null,'
        '"metadata":{}}'
    )


def _whole(name: str, source: str, body: str, usage: Usage | None, note: str = "") -> Shape:
    return Shape(name, source, "responses", False, body.encode(), JSON, usage, note)


def _stream(name: str, source: str, events: list[str], usage: Usage | None, note: str = "") -> Shape:
    return Shape(name, source, "responses", True, named_sse(*events), SSE, usage, note)


def _usage(input_tokens: int, output_tokens: int, cached: int = 0, reasoning: int = 0) -> str:
    return (
        f'{{"input_tokens":{input_tokens},"input_tokens_details":{{"cache_write_tokens":0,"cached_tokens":{cached}}},'
        f'"output_tokens":{output_tokens},"output_tokens_details":{{"reasoning_tokens":{reasoning}}},'
        f'"total_tokens":{input_tokens + output_tokens}}}'
    )


_CREATED = f'{{"type":"response.created","response":{_response("in_progress", "null")},"sequence_number":0}}'
_IN_PROGRESS = f'{{"type":"response.in_progress","response":{_response("in_progress", "null")},"sequence_number":1}}'
_TEXT = '[{"id":"msg_1","type":"message","status":"completed","content":[{"type":"output_text","text":"ok"}]}]'
_SAID = '{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"delta":"ok","sequence_number":2}'
_CALL = (
    '{"id":"fc_1","type":"function_call","status":"completed","arguments":"{}","call_id":"call_1","name":"lookupCode"}'
)

_CALLED = _response("completed", _usage(55, 25, 0, 9), f"[{_CALL}]", f',"tool_usage":{_NO_TOOL_USAGE}')
_COMPLETED_CALL = f'{{"type":"response.completed","response":{_CALLED},"sequence_number":8}}'

SHAPES = (
    _whole(
        "openai response, tool usage beside",
        _AI + "gpt-6-sol-reasoning-none-sampling.json",
        _response("completed", _usage(13, 5), _TEXT, f',"tool_usage":{_NO_TOOL_USAGE}'),
        Usage(13, 5),
        "tool_usage has the same names; it is not the usage",
    ),
    _whole(
        "openai response, tool call",
        _AI + "parallel-tool-call-wrapper.1.json",
        _response("completed", _usage(34, 28), f"[{_CALL}]"),
        Usage(34, 28),
    ),
    _whole(
        "openai response, incomplete",
        "OpenAI API reference, responses, status incomplete; BerriAI/litellm#37710 (numbers illustrative)",
        _response("incomplete", _usage(75, 16, 0, 16)).replace(
            '"incomplete_details":null', '"incomplete_details":{"reason":"max_output_tokens"}'
        ),
        Usage(75, 16, reasoning_tokens=16),
        "reasoning took the whole bound: billed, and nothing to show",
    ),
    _whole(
        "openai response, queued",
        "OpenAI guide, background mode: usage is null until it is done",
        _response("queued", "null").replace('"background":false', '"background":true'),
        None,
    ),
    Shape(
        "openai compaction",
        "OpenAI API reference, POST /responses/compact, compacted response object; openai/openai-agents-python#4434",
        "responses_compact",
        False,
        (
            b'{"id":"resp_001","object":"response.compaction","created_at":1764967971,"output":[{"id":"cmp_001","type":'
            b'"compaction","encrypted_content":"gAAA"}],"usage":{"input_tokens":139,"input_tokens_details":{"cached_tokens":0},'
            b'"output_tokens":438,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":577}}'
        ),
        JSON,
        Usage(139, 438, reasoning_tokens=64),
        "another object, no status: its own usage, easily unbilled",
    ),
    Shape(
        "openai response, input counted",
        "OpenAI API reference, POST /responses/input_tokens, example response",
        "responses_input_tokens",
        False,
        b'{"object":"response.input_tokens","input_tokens":11}',
        JSON,
        None,
        "a count is the answer, not a consumption: counting is free",
    ),
    _whole(
        "xai response, cached and server tools",
        "docs.x.ai, prompt caching, usage and pricing, Responses API; numbers of a recorded search call",
        '{"id":"r","object":"response","status":"completed","model":"grok-4","output":[],"usage":{"input_tokens":26837,'
        '"input_tokens_details":{"cached_tokens":4608},"output_tokens":3504,"output_tokens_details":{"reasoning_tokens":0},'
        '"total_tokens":30341,"num_sources_used":0,"num_server_side_tools_used":7,"cost_in_usd_ticks":724678500,'
        '"server_side_tool_usage_details":{"web_search_calls":0,"x_search_calls":7}}}',
        Usage(26837, 3504, cache_read_tokens=4608),
    ),
    _whole(
        "perplexity response, cache written",
        "vercel/ai packages/perplexity/src/__fixtures__/agent-web-search.json",
        '{"id":"resp_8","object":"response","status":"completed","model":"openai/gpt-6-luna","output":[{"type":'
        '"search_results","queries":["q"],"results":[]}],"usage":{"cost":{"currency":"USD","total_cost":0.00119},'
        '"input_tokens":3007,"input_tokens_details":{"cache_creation_input_tokens":1224,"cache_read_input_tokens":1780,'
        '"cached_tokens":1780},"output_tokens":36,"output_tokens_details":{"reasoning_tokens":0},"tool_calls_details":'
        '{"search_web":{"cost_usd":0.001,"invocation":1}},"total_tokens":3043}}',
        Usage(3007, 36, cache_read_tokens=1780, cache_creation_tokens=1224),
        "cache writes under Anthropic's name, inside the input",
    ),
    _stream(
        "openai response stream, reasoning and a tool call",
        _AI + "openai-issue-11239.1.chunks.txt",
        [
            _CREATED,
            _IN_PROGRESS,
            (
                '{"type":"response.output_item.added","item":{"id":"rs_1","type":"reasoning","content":[],'
                '"encrypted_content":"gAAA","summary":[]},"output_index":0,"sequence_number":2}'
            ),
            (
                '{"type":"response.function_call_arguments.delta","delta":"{}","item_id":"fc_1","obfuscation":"kJ",'
                '"output_index":1,"sequence_number":5}'
            ),
            f'{{"type":"response.output_item.done","item":{_CALL},"output_index":1,"sequence_number":7}}',
            _COMPLETED_CALL,
        ],
        Usage(55, 25, reasoning_tokens=9),
        "no [DONE]; usage is null in the events before",
    ),
    _stream(
        "openai response stream, incomplete",
        "envoyproxy/ai-gateway#2184, BerriAI/litellm#34351: usage in response.incomplete",
        [
            _CREATED,
            (
                '{"type":"response.incomplete","response":{"id":"resp_1","object":"response","created_at":1781355623,'
                '"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"model":"gpt-5-mini","output":'
                '[{"id":"rs_1","type":"reasoning","summary":[]}],"usage":{"input_tokens":268,"output_tokens":192,'
                '"output_tokens_details":{"reasoning_tokens":192},"total_tokens":460}},"sequence_number":4}'
            ),
        ],
        Usage(268, 192, reasoning_tokens=192),
        "a terminal event like response.completed",
    ),
    _stream(
        "openai response stream, failed before it began",
        _AI + "openai-response-failed-only.1.chunks.txt",
        [
            _CREATED,
            (
                '{"type":"response.failed","sequence_number":1,"response":'
                + _response("failed", "null").replace(
                    '"error":null', '"error":{"code":"rate_limit_exceeded","message":"m"}'
                )
                + "}"
            ),
        ],
        None,
        "usage null in the terminal event",
    ),
    _stream(
        "openai response stream, failed after it wrote",
        "envoyproxy/ai-gateway#2184: response.failed with usage (numbers illustrative)",
        [
            _CREATED,
            _SAID,
            (
                '{"type":"response.failed","sequence_number":3,"response":'
                + _response("failed", _usage(120, 40)).replace(
                    '"error":null', '"error":{"code":"server_error","message":"m"}'
                )
                + "}"
            ),
        ],
        Usage(120, 40),
        "failed is billed too",
    ),
    _stream(
        "openai response stream, error then failed",
        _AI + "openai-error.1.chunks.txt",
        [
            _CREATED,
            _IN_PROGRESS,
            (
                '{"type":"error","sequence_number":2,"error":{"type":"insufficient_quota","code":"insufficient_quota",'
                '"message":"m","param":null}}'
            ),
            (
                '{"type":"response.failed","sequence_number":3,"response":'
                + _response("failed", "null").replace(
                    '"error":null', '"error":{"code":"insufficient_quota","message":"m"}'
                )
                + "}"
            ),
        ],
        None,
    ),
    _stream(
        "openai response stream, error alone",
        _AI + "openai-error-null-code.1.chunks.txt",
        [
            '{"type":"error","error":{"type":"server_error","code":null,"message":"m","param":null},"sequence_number":2}',
        ],
        None,
    ),
    _stream(
        "openai response stream, client left",
        "OpenAI API reference, streaming events: only the terminal event has usage",
        [_CREATED, _IN_PROGRESS, _SAID],
        None,
        "settle by what was delivered",
    ),
)
