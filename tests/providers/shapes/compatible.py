"""What providers answer that speak OpenAI's chat: the same names, each with its own habits."""

from gateway.model import Usage
from tests.providers.shapes.openai_chat import chat, chat_stream, delta
from tests.providers.shapes.shape import DONE, JSON, SSE, Shape, sse

_FILTERED = '"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}'

_AZURE = (
    chat_stream(
        "azure chat stream by its model router",
        "vercel/ai packages/openai/src/chat/__fixtures__/azure-model-router.1.chunks.txt",
        [
            (
                '{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,'
                f"{_FILTERED}}}]}}"
            ),
            (
                '{"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},'
                '"finish_reason":null,"index":0,"logprobs":null}],"created":1762317021,"id":"chatcmpl-C","model":'
                '"gpt-5-nano","obfuscation":"D3","object":"chat.completion.chunk","system_fingerprint":null,"usage":null}'
            ),
            (
                f'{{"choices":[{{{_FILTERED},"delta":{{"content":"Yes."}},"finish_reason":null,"index":0,"logprobs":null}}]'
                ',"created":1762317021,"id":"chatcmpl-C","model":"gpt-5-nano","obfuscation":"NN","object":'
                '"chat.completion.chunk","system_fingerprint":null,"usage":null}'
            ),
            (
                '{"choices":[],"created":1762317021,"id":"chatcmpl-C","model":"gpt-5-nano","obfuscation":"Dj","object":'
                '"chat.completion.chunk","system_fingerprint":null,"usage":{"completion_tokens":78,'
                '"completion_tokens_details":{"accepted_prediction_tokens":0,"audio_tokens":0,"reasoning_tokens":64,'
                '"rejected_prediction_tokens":0},"prompt_tokens":15,"prompt_tokens_details":{"audio_tokens":0,'
                '"cached_tokens":0},"total_tokens":93}}'
            ),
            DONE,
        ],
        Usage(15, 78, reasoning_tokens=64),
        "the first chunk has no choices and no usage either",
    ),
)

_GROQ_USAGE = (
    '{"queue_time":0.041520249,"prompt_tokens":210,"prompt_time":0.010407901,"completion_tokens":15,'
    '"completion_time":0.046601227,"total_tokens":225,"total_time":0.057009128}'
)

_GROQ = (
    chat(
        "groq chat, cached",
        "console.groq.com/docs/prompt-caching, response usage structure",
        '{"queue_time":0.026959759,"prompt_tokens":4641,"prompt_time":0.009995497,"completion_tokens":1817,'
        '"completion_time":5.57691751,"total_tokens":6458,"total_time":5.586913007,"prompt_tokens_details":'
        '{"cached_tokens":4608}}',
        Usage(4641, 1817, cache_read_tokens=4608),
    ),
    chat_stream(
        "groq chat stream, two copies of usage",
        "vercel/ai packages/groq/src/__fixtures__/groq-tool-call.chunks.txt",
        [
            delta('{"role":"assistant","content":null}', ',"x_groq":{"id":"req_01","seed":689520654}'),
            delta(
                '{"tool_calls":[{"id":"tk85","type":"function","function":{"name":"weather","arguments":"{}"},"index":0}]}'
            ),
            delta("{}", f',"x_groq":{{"id":"req_01","usage":{_GROQ_USAGE}}},"usage":{_GROQ_USAGE}', '"tool_calls"'),
            DONE,
        ],
        Usage(210, 15),
        "one count, not two (Portkey-AI/gateway#1338)",
    ),
    chat_stream(
        "groq chat stream, usage not asked for",
        "console.groq.com/docs/text-chat, streaming: x_groq.usage only (numbers of the tool call recording)",
        [
            delta('{"role":"assistant","content":"Hi"}', ',"x_groq":{"id":"req_01"}'),
            delta("{}", f',"x_groq":{{"id":"req_01","usage":{_GROQ_USAGE}}}', '"stop"'),
            DONE,
        ],
        Usage(210, 15),
    ),
)

_MISTRAL = (
    chat_stream(
        "mistral chat stream, padded",
        "vercel/ai packages/mistral/src/__fixtures__/mistral-usage-raw-live.chunks.txt",
        [
            delta('{"role":"assistant","content":""}'),
            delta('{"content":"OK"}', ',"p":"abcdefghijklmnopqrstuvwxyz0123456789"'),
            delta(
                '{"content":""}',
                ',"usage":{"prompt_tokens":19,"total_tokens":21,"completion_tokens":2,"prompt_tokens_details":'
                '{"cached_tokens":0},"service_tier":"standard"},"p":"abcdef"',
                '"stop"',
            ),
            DONE,
        ],
        Usage(19, 2),
        "usage on a chunk with choices (BerriAI/litellm#36083)",
    ),
    chat_stream(
        "mistral chat stream, empty choices before the text",
        "vercel/ai packages/mistral/src/__fixtures__/mistral-empty-choices.chunks.txt",
        [
            delta('{"role":"assistant","content":""}'),
            '{"id":"abc123","object":"chat.completion.chunk","created":1769088720,"model":"m","choices":[],"usage":null}',
            delta('{"content":"Hello!"}'),
            delta('{"content":""}', ',"usage":{"prompt_tokens":5,"total_tokens":8,"completion_tokens":3}', '"stop"'),
            DONE,
        ],
        Usage(5, 3),
        "no choices does not mean the last chunk",
    ),
    chat_stream(
        "mistral chat stream, running usage",
        "vercel/ai packages/mistral/src/__fixtures__/mistral-usage-details.chunks.txt (numbers made by its authors)",
        [
            delta(
                '{"role":"assistant","content":"OK"}',
                ',"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2,"service_tier":"priority"}',
            ),
            delta(
                '{"content":""}',
                ',"usage":{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22,"prompt_audio_seconds":1,'
                '"request_count":1,"num_cached_tokens":0,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":1,'
                '"messages":[{"role":"user","total_tokens":20,"settings_tokens":null}]},"prompt_token_details":'
                '{"cached_tokens":0,"audio_tokens":1},"completion_tokens_details":{"reasoning_tokens":7}}',
                '"stop"',
            ),
            DONE,
        ],
        Usage(20, 2, reasoning_tokens=2, input_audio_tokens=1),
        "replaced, never added; a part is never larger than its whole",
    ),
)

_DEEPSEEK = (
    chat_stream(
        "deepseek chat stream",
        "vercel/ai packages/deepseek/src/chat/__fixtures__/issue-19789-live-usage.chunks.txt",
        [
            delta('{"role":"assistant","content":""}', ',"usage":null'),
            delta(
                '{"content":"Hi"}',
                ',"usage":{"prompt_tokens":88,"completion_tokens":4,"total_tokens":92,"prompt_tokens_details":'
                '{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":4},"prompt_cache_hit_tokens":0,'
                '"prompt_cache_miss_tokens":88}',
                '"length"',
            ),
            DONE,
        ],
        Usage(88, 4, reasoning_tokens=4),
        "the text, the finish reason and the usage in one chunk (BerriAI/litellm#36168)",
    ),
)

_OPENROUTER = (
    chat_stream(
        "openrouter chat stream, web search",
        "pydantic/pydantic-ai tests/models/cassettes/test_openrouter/test_openrouter_web_search_tool_usage_stream.yaml",
        [
            ": OPENROUTER PROCESSING",
            ": OPENROUTER PROCESSING",
            delta('{"content":"https","role":"assistant"}'),
            delta('{"content":"","role":"assistant"}', "", '"stop"'),
            delta(
                '{"content":"","role":"assistant"}',
                ',"usage":{"prompt_tokens":8174,"completion_tokens":30,"total_tokens":8204,"cost":0.0133176,"is_byok":'
                'false,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0,"audio_tokens":0,"video_tokens":0}'
                ',"cost_details":{"upstream_inference_cost":0.0133176},"completion_tokens_details":{"reasoning_tokens":0,'
                '"image_tokens":0,"audio_tokens":0},"server_tool_use_details":{"web_search_requests":1}}',
                '"stop"',
            ),
            DONE,
        ],
        Usage(8174, 30),
        "two finish chunks; the search result stands in prompt_tokens",
    ),
    chat_stream(
        "vercel gateway chat stream, cached",
        "vercel/ai packages/xai/src/__fixtures__/issue-19639-stream.chunks.txt",
        [
            delta('{"role":"assistant"}'),
            delta('{"content":"OK"}'),
            delta(
                '{"provider_metadata":{"gateway":{"cost":"0.0000344"}}}',
                ',"usage":{"prompt_tokens":675,"completion_tokens":1,"total_tokens":676,"cost":0.0000344,"is_byok":false,'
                '"prompt_tokens_details":{"cached_tokens":674,"audio_tokens":0,"video_tokens":0},"cost_details":'
                '{"upstream_inference_cost":null},"completion_tokens_details":{"reasoning_tokens":0,"image_tokens":0},'
                '"cache_creation_input_tokens":0,"market_cost":0.0000344}',
                '"stop"',
            ),
            DONE,
        ],
        Usage(675, 1, cache_read_tokens=674),
        "Anthropic's name beside OpenAI's, at zero",
    ),
)

_MOONSHOT = (
    chat_stream(
        "moonshot chat stream, usage in the choice and at the top",
        "vercel/ai packages/moonshotai/src/__fixtures__/moonshotai-usage-live.chunks.txt",
        [
            delta('{"role":"assistant","content":""}'),
            delta('{"reasoning_content":"Hm"}'),
            delta('{"content":"OK"}'),
            (
                '{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1787771120,"model":"kimi-k3","choices":'
                '[{"index":0,"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":90,"completion_tokens":50,'
                '"total_tokens":140,"cached_tokens":90,"completion_tokens_details":{"reasoning_tokens":33},'
                '"prompt_tokens_details":{"cached_tokens":90}}}]}'
            ),
            (
                '{"id":"chatcmpl-2","object":"chat.completion.chunk","created":1787771120,"model":"kimi-k3","choices":[],'
                '"usage":{"prompt_tokens":90,"completion_tokens":50,"total_tokens":140,"cached_tokens":90,'
                '"completion_tokens_details":{"reasoning_tokens":33},"prompt_tokens_details":{"cached_tokens":90}}}'
            ),
            DONE,
        ],
        Usage(90, 50, cache_read_tokens=90, reasoning_tokens=33),
        "one count, not two",
    ),
    chat_stream(
        "moonshot chat stream, two different usages",
        "vercel/ai packages/moonshotai/src/__fixtures__/moonshotai-stream-usage-precedence.chunks.txt",
        [
            delta('{"content":"OK"}'),
            (
                '{"id":"c","object":"chat.completion.chunk","created":1787685040,"model":"kimi-k2.5","choices":[{"index":0,'
                '"delta":{},"finish_reason":"stop","usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}]}'
            ),
            (
                '{"id":"c","object":"chat.completion.chunk","created":1787685040,"model":"kimi-k2.5","choices":[],"usage":'
                '{"prompt_tokens":99,"completion_tokens":33,"total_tokens":132}}'
            ),
            DONE,
        ],
        Usage(99, 33),
        "the last one wins",
    ),
    chat(
        "moonshot chat, reasoning larger than the completion",
        "vercel/ai packages/moonshotai/src/__fixtures__/issue-19311-kimi-k3-negative-usage.json",
        '{"prompt_tokens":951,"completion_tokens":6000,"total_tokens":6952,"prompt_tokens_details":{"cached_tokens":60},'
        '"completion_tokens_details":{"reasoning_tokens":6001}}',
        Usage(951, 6001, cache_read_tokens=60, reasoning_tokens=6001),
        "the total is one more than both: it decides",
    ),
)

_XAI = (
    chat(
        "xai chat, cached",
        "docs.x.ai, advanced API usage, prompt caching, usage and pricing",
        '{"prompt_tokens":125,"completion_tokens":48,"total_tokens":173,"prompt_tokens_details":{"text_tokens":125,'
        '"audio_tokens":0,"image_tokens":0,"cached_tokens":98},"completion_tokens_details":{"reasoning_tokens":0,'
        '"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}',
        Usage(125, 48, cache_read_tokens=98),
    ),
    chat(
        "xai chat, reasoning outside",
        "Wei-Shaw/sub2api#5771 (recorded; cost_in_usd_ticks there shows that it is billed)",
        '{"prompt_tokens":10120,"completion_tokens":1499,"total_tokens":14428,"prompt_tokens_details":{"text_tokens":'
        '10120,"cached_tokens":128},"completion_tokens_details":{"reasoning_tokens":2809},"num_sources_used":0}',
        Usage(10120, 4308, cache_read_tokens=128, reasoning_tokens=2809),
        "told by the total, never by the model's name (vercel/ai#12425)",
    ),
)

_OWN_SERVERS = (
    chat_stream(
        "vllm chat stream, running usage, aborted",
        "vllm-project/vllm#6652, vllm/entrypoints/openai/serving_chat.py, continuous_usage_stats (illustrative)",
        [
            delta(
                '{"role":"assistant","content":""}',
                ',"usage":{"prompt_tokens":7,"total_tokens":7,"completion_tokens":0}',
            ),
            delta('{"content":"Hel"}', ',"usage":{"prompt_tokens":7,"total_tokens":8,"completion_tokens":1}'),
            delta('{"content":"lo"}', ',"usage":{"prompt_tokens":7,"total_tokens":9,"completion_tokens":2}'),
        ],
        Usage(7, 2),
        "exact although the client left",
    ),
    Shape(
        "sglang completion stream",
        "sgl-project/sglang#3760",
        "completions",
        True,
        sse(
            '{"id":"85bf","object":"text_completion","created":1740138141,"model":"m","choices":[{"index":0,"text":"`",'
            '"logprobs":null,"finish_reason":"length","matched_stop":null}],"usage":null}',
            '{"id":"3e66","model":"m","choices":[],"usage":{"prompt_tokens":8,"total_tokens":18,"completion_tokens":10}}',
            DONE,
        ),
        SSE,
        Usage(8, 10),
        "the usage chunk has another id and no object",
    ),
)

_CLOUDS = (
    chat_stream(
        "databricks chat stream, running usage",
        "BerriAI/litellm#36943, databricks/databricks-ai-bridge#434 (the last totals are recorded)",
        [
            delta(
                '{"role":"assistant","content":"Hi"}',
                ',"usage":{"prompt_tokens":107,"completion_tokens":3,"total_tokens":110}',
            ),
            delta("{}", ',"usage":{"prompt_tokens":107,"completion_tokens":20,"total_tokens":127}', '"length"'),
            DONE,
        ],
        Usage(107, 20),
        "cumulative on chunks with choices: a sum counts it twice, a skip loses it",
    ),
    chat_stream(
        "together chat stream",
        "docs.together.ai, API reference, chat completions, streaming (numbers illustrative)",
        [
            (
                '{"id":"nz7","object":"chat.completion.chunk","created":1709700707,"choices":[{"index":0,"text":" A",'
                '"logprobs":null,"finish_reason":null,"seed":null,"delta":{"token_id":3,"role":"assistant","content":"A",'
                '"tool_calls":null}}],"model":"m","usage":null}'
            ),
            (
                '{"id":"nz7","object":"chat.completion.chunk","created":1709700707,"choices":[{"index":0,"text":"","logprobs":'
                'null,"finish_reason":"stop","seed":9,"delta":{"token_id":2,"role":"assistant","content":"","tool_calls":null}}'
                '],"model":"m","usage":{"prompt_tokens":14,"completion_tokens":2,"total_tokens":16,"cached_tokens":0}}'
            ),
            DONE,
        ],
        Usage(14, 2),
        "the text stands twice in a choice",
    ),
    chat_stream(
        "fireworks chat stream, performance beside",
        "docs.fireworks.ai, performance metrics for streaming; langchain-ai/langchain#36977 (numbers illustrative)",
        [
            delta('{"role":"assistant","content":"Hi"}', ',"usage":null'),
            delta(
                "{}",
                ',"usage":{"prompt_tokens":21,"total_tokens":30,"completion_tokens":9,"prompt_tokens_details":'
                '{"cached_tokens":16}},"perf_metrics":{"prompt-tokens":21,"cached-prompt-tokens":16,'
                '"server-time-to-first-token":0.146}',
                '"stop"',
            ),
            DONE,
        ],
        Usage(21, 9, cache_read_tokens=16),
    ),
    chat(
        "cerebras chat",
        "pydantic/pydantic-ai tests/models/cassettes/test_cerebras/test_cerebras_model_simple.yaml",
        '{"completion_tokens":9,"prompt_tokens":43,"total_tokens":52}',
        Usage(43, 9),
        "times stand beside usage, not in it",
        ',"time_info":{"completion_time":0.003934382,"created":1764196886.043911,"prompt_time":0.003177936}',
    ),
    chat_stream(
        "perplexity chat stream",
        "vercel/ai packages/perplexity/src/__fixtures__/perplexity-usage-raw-live.chunks.txt",
        [
            (
                '{"id":"p","model":"sonar","created":1788310800,"usage":{"completion_tokens":1,"cost":{"input_tokens_cost":0,'
                '"output_tokens_cost":0,"total_cost":0},"prompt_tokens":6,"search_context_size":"low","total_tokens":7},'
                '"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"OK"},'
                '"finish_reason":null}]}'
            ),
            (
                '{"id":"p","model":"sonar","created":1788310800,"usage":{"completion_tokens":1,"cost":{"input_tokens_cost":'
                '0.00001,"output_tokens_cost":0,"request_cost":0.005,"total_cost":0.00501},"prompt_tokens":6,'
                '"search_context_size":"low","total_tokens":7},"object":"chat.completion.done","choices":[{"index":0,"delta":'
                '{"role":"assistant","content":""},"finish_reason":"stop"}]}'
            ),
        ],
        Usage(6, 1),
        "usage on each chunk; the last is a chat.completion.done, and no [DONE] follows",
    ),
    chat(
        "perplexity chat, deep research",
        "docs.perplexity.ai, sonar-deep-research, example response",
        '{"prompt_tokens":33,"completion_tokens":7163,"total_tokens":7196,"citation_tokens":20016,"num_search_queries":18,'
        '"reasoning_tokens":73997,"search_context_size":"low","cost":{"input_tokens_cost":0.000066}}',
        Usage(33, 7163, reasoning_tokens=7163),
        "citation and reasoning tokens are billed apart, outside even of the total: by the total they are not seen",
    ),
    chat_stream(
        "gemini compatible chat stream, cut while it thinks",
        "openai/openai-python#2641: cumulative usage on each chunk, thoughts in the total only",
        [
            delta(
                '{"role":"assistant","content":"a"}',
                ',"usage":{"completion_tokens":3,"prompt_tokens":12,"total_tokens":1015}',
            )
        ],
        Usage(12, 1003),
        "the total tells the thoughts even when the rest never comes",
    ),
)

_COHERE = (
    Shape(
        "cohere v2 chat, more cached than billed",
        "pydantic/pydantic-ai tests/models/cassettes/test_cohere/test_request_usage_with_cached_tokens.yaml",
        "chat",
        False,
        (
            b'{"id":"0bf8","message":{"role":"assistant","content":[{"type":"text","text":"Hello!"}]},"finish_reason":'
            b'"COMPLETE","usage":{"billed_units":{"input_tokens":2406,"output_tokens":2},"tokens":{"input_tokens":2935,'
            b'"output_tokens":4},"cached_tokens":2928}}'
        ),
        JSON,
        Usage(2406, 2, cache_read_tokens=2406),
        "billed_units is the bill, tokens what was processed; cached_tokens counts the processed ones: clamped",
    ),
    Shape(
        "cohere v2 chat stream",
        "vercel/ai packages/cohere/src/__fixtures__/issue-22070-cached-usage.chunks.txt",
        "chat",
        True,
        sse(
            '{"id":"8849","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"",'
            '"tool_calls":[],"citations":[]}}}',
            '{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}',
            '{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"OK"}}}}',
            '{"type":"content-end","index":0}',
            '{"type":"message-end","delta":{"finish_reason":"MAX_TOKENS","usage":{"billed_units":{"input_tokens":5,'
            '"output_tokens":2},"tokens":{"input_tokens":500,"output_tokens":5},"cached_tokens":448}}}',
        ),
        SSE,
        Usage(5, 2, cache_read_tokens=5),
        "usage stands in message-end under delta",
    ),
)

SHAPES = _AZURE + _GROQ + _MISTRAL + _DEEPSEEK + _OPENROUTER + _MOONSHOT + _XAI + _OWN_SERVERS + _CLOUDS + _COHERE
