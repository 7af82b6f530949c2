"""Answers as real providers shape them, each with its source, and what must be read from them.

Identifiers are shortened; names, nesting, nulls and the order of fields are the providers'.
"""

from dataclasses import dataclass, field

from gateway.model import Endpoint, Usage


@dataclass(frozen=True)
class Answer:
    """An answer that was not streamed."""

    name: str
    body: str
    usage: Usage | None
    texts: list[str] = field(default_factory=list)
    endpoint: Endpoint = Endpoint.CHAT


def _said(message: str, usage: str) -> str:
    return f'{{"id":"c","object":"chat.completion","choices":[{{"index":0,"message":{message}}}],"usage":{usage}}}'


HELLO = '{"role":"assistant","content":"Hello"}'

ANSWERS = [
    # OpenAI API reference, chat completion object (platform.openai.com/docs/api-reference/chat/object)
    Answer(
        "openai",
        '{"id":"chatcmpl-B9","object":"chat.completion","created":1741570283,"model":"gpt-4o-2024-08-06","choices":'
        '[{"index":0,"message":{"role":"assistant","content":"A boardwalk.","refusal":null},"logprobs":'
        'null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1117,"completion_tokens":46,"total_tokens":1163,'
        '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,'
        '"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default"}',
        Usage(1117, 46),
        ["A boardwalk."],
    ),
    # OpenAI guide, reasoning: hidden tokens are inside completion_tokens
    Answer(
        "openai reasoning",
        _said(
            HELLO,
            '{"prompt_tokens":75,"completion_tokens":1186,"total_tokens":1261,"prompt_tokens_details":{"cached_tokens":0},'
            '"completion_tokens_details":{"reasoning_tokens":1024}}',
        ),
        Usage(75, 1186, reasoning_tokens=1024),
        ["Hello"],
    ),
    # OpenAI guide, prompt caching
    Answer(
        "openai cached",
        _said(
            HELLO,
            '{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":'
            '{"cached_tokens":1920},"completion_tokens_details":{"reasoning_tokens":0}}',
        ),
        Usage(2006, 300, cache_read_tokens=1920),
        ["Hello"],
    ),
    # OpenRouter guide, usage accounting: cache writes inside the prompt, cost beside
    Answer(
        "openrouter cache write",
        _said(
            HELLO,
            '{"prompt_tokens":194,"completion_tokens":2,"total_tokens":196,"cost":0.95,"prompt_tokens_details":'
            '{"cached_tokens":100,"cache_write_tokens":50,"audio_tokens":0},"completion_tokens_details":'
            '{"reasoning_tokens":0},"cost_details":{"upstream_inference_cost":19}}',
        ),
        Usage(194, 2, cache_read_tokens=100, cache_creation_tokens=50),
        ["Hello"],
    ),
    # OpenAI API reference, function calling: content null, arguments as a string
    Answer(
        "openai tool calls",
        _said(
            '{"role":"assistant","content":null,"tool_calls":[{"id":"call_abc","type":"function","function":'
            '{"name":"get_weather","arguments":"{\\n\\"location\\": \\"Boston, MA\\"\\n}"}}]}',
            '{"prompt_tokens":82,"completion_tokens":17,"total_tokens":99}',
        ),
        Usage(82, 17),
        ["get_weather", '{\n"location": "Boston, MA"\n}'],
    ),
    # OpenAI API reference, custom tools: `input` is free text
    Answer(
        "openai custom tool",
        _said(
            '{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"custom","custom":'
            '{"name":"code_exec","input":"print(1)"}}]}',
            '{"prompt_tokens":5,"completion_tokens":9,"total_tokens":14}',
        ),
        Usage(5, 9),
        ["code_exec", "print(1)"],
    ),
    # OpenAI API reference, audio output: the transcript is text, the data is not
    Answer(
        "openai audio",
        _said(
            '{"role":"assistant","content":null,"refusal":null,"audio":{"id":"audio_1","data":"UklGRg==","expires_at":1,'
            '"transcript":"Yes."}}',
            '{"prompt_tokens":17,"completion_tokens":84,"total_tokens":101,"completion_tokens_details":'
            '{"audio_tokens":65,"text_tokens":19}}',
        ),
        Usage(17, 84, output_audio_tokens=65),
        ["Yes."],
    ),
    # OpenAI guide, structured outputs: a refusal has its own field
    Answer(
        "openai refusal",
        _said(
            '{"role":"assistant","content":null,"refusal":"I cannot."}', '{"prompt_tokens":81,"completion_tokens":11}'
        ),
        Usage(81, 11),
        ["I cannot."],
    ),
    # Azure samples' test suite (azure-search-openai-demo, test_chatapproach.py): function_call, filter results beside
    Answer(
        "azure function_call",
        '{"id":"chatcmpl-81","object":"chat.completion","model":"gpt-35-turbo","prompt_filter_results":[{"prompt_index":0}'
        '],"choices":[{"index":0,"finish_reason":"function_call","message":{"role":"assistant","function_call":{"name":'
        '"search_sources","arguments":"{\\n\\"search_query\\":\\"telemedicine\\"\\n}"}},"content_filter_results":{}}],'
        '"usage":{"completion_tokens":19,"prompt_tokens":425,"total_tokens":444}}',
        Usage(425, 19),
        ["search_sources", '{\n"search_query":"telemedicine"\n}'],
    ),
    # xAI: reasoning outside completion_tokens, told by the total (Wei-Shaw/sub2api#5771, real numbers)
    Answer(
        "xai reasoning outside",
        _said(
            HELLO,
            '{"prompt_tokens":10120,"completion_tokens":1499,"total_tokens":14428,"prompt_tokens_details":'
            '{"cached_tokens":128},"completion_tokens_details":{"reasoning_tokens":2809}}',
        ),
        Usage(10120, 4308, cache_read_tokens=128, reasoning_tokens=2809),
        ["Hello"],
    ),
    # xAI, grok-3-mini (vercel/ai#12425, real numbers)
    Answer(
        "xai grok-3-mini",
        _said(
            HELLO,
            '{"prompt_tokens":12,"completion_tokens":1,"total_tokens":399,"completion_tokens_details":'
            '{"reasoning_tokens":386}}',
        ),
        Usage(12, 387, reasoning_tokens=386),
        ["Hello"],
    ),
    # The same grok by OpenRouter: reasoning folded in, so the total says to add nothing (TOKENS: xAI row)
    Answer(
        "xai by openrouter",
        _said(
            '{"role":"assistant","content":"2","reasoning":"1+1","reasoning_details":[{"type":"reasoning.text",'
            '"text":"1+1"}]}',
            '{"prompt_tokens":12,"completion_tokens":387,"total_tokens":399,"completion_tokens_details":'
            '{"reasoning_tokens":386}}',
        ),
        Usage(12, 387, reasoning_tokens=386),
        ["2", "1+1"],
    ),
    # DeepSeek API documentation, context caching
    Answer(
        "deepseek cache hits",
        _said(
            '{"role":"assistant","content":"9.8","reasoning_content":"Compare."}',
            '{"prompt_tokens":20,"completion_tokens":7,"total_tokens":27,"prompt_cache_hit_tokens":12,'
            '"prompt_cache_miss_tokens":8,"completion_tokens_details":{"reasoning_tokens":5}}',
        ),
        Usage(20, 7, cache_read_tokens=12, reasoning_tokens=5),
        ["9.8", "Compare."],
    ),
    # Mistral API: cached tokens at the top of usage; details null
    Answer(
        "mistral cached",
        _said(
            HELLO,
            '{"prompt_tokens":40,"total_tokens":45,"completion_tokens":5,"num_cached_tokens":32,'
            '"prompt_tokens_details":null}',
        ),
        Usage(40, 5, cache_read_tokens=32),
        ["Hello"],
    ),
    # Mistral reasoning: content is a list, thinking holds parts (docs.mistral.ai, reasoning; agentjido/req_llm#742)
    Answer(
        "mistral thinking",
        _said(
            '{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Okay"}]},'
            '{"type":"text","text":"4"}]}',
            '{"prompt_tokens":9,"total_tokens":30,"completion_tokens":21}',
        ),
        Usage(9, 21),
        ["Okay4"],
    ),
    # Moonshot API documentation (Kimi): cached_tokens flat
    Answer(
        "moonshot cached",
        _said(HELLO, '{"prompt_tokens":19,"completion_tokens":21,"total_tokens":40,"cached_tokens":10}'),
        Usage(19, 21, cache_read_tokens=10),
        ["Hello"],
    ),
    # Gemini's OpenAI-compatible endpoint: thoughts only in the total (ai.google.dev/gemini-api/docs/openai)
    Answer(
        "gemini compat",
        _said(HELLO, '{"completion_tokens":9,"prompt_tokens":12,"total_tokens":233}'),
        Usage(12, 221),
        ["Hello"],
    ),
    # vLLM (vllm/entrypoints/openai/protocol.py): nulls for everything unused
    Answer(
        "vllm nulls",
        _said(
            '{"role":"assistant","reasoning_content":null,"content":"Hi","tool_calls":[]}',
            '{"prompt_tokens":31,"total_tokens":40,"completion_tokens":9,"prompt_tokens_details":null}',
        ),
        Usage(31, 9),
        ["Hi"],
    ),
    # vLLM while it renamed reasoning_content to reasoning: the same text twice is one text
    Answer(
        "vllm both reasonings",
        _said('{"content":"Hi","reasoning":"Hm","reasoning_content":"Hm"}', "null"),
        None,
        ["Hi", "Hm"],
    ),
    # Ollama's compatible endpoint, from its file openai.go
    Answer(
        "ollama",
        '{"id":"chatcmpl-73","object":"chat.completion","created":1,"model":"llama3.2","system_fingerprint":"fp_ollama",'
        '"choices":[{"index":0,"message":{"role":"assistant","content":"Hi!"},"finish_reason":"stop"}],"usage":'
        '{"prompt_tokens":26,"completion_tokens":3,"total_tokens":29}}',
        Usage(26, 3),
        ["Hi!"],
    ),
    # An object where a string belongs, as some local servers send arguments
    Answer(
        "arguments as object",
        _said('{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}', "null"),
        None,
        ["f", '{"a":1}'],
    ),
    # OpenAI API reference, legacy completion object; two choices
    Answer(
        "legacy completion",
        '{"id":"cmpl-1","object":"text_completion","choices":[{"text":"\\n\\nThis","index":0,"logprobs":null,'
        '"finish_reason":"length"},{"text":"That","index":1}],"usage":{"prompt_tokens":5,"completion_tokens":7,'
        '"total_tokens":12}}',
        Usage(5, 7),
        ["\n\nThis", "That"],
        Endpoint.COMPLETIONS,
    ),
    # OpenAI API reference, embedding object: no completion_tokens
    Answer(
        "embeddings",
        '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.0023,-0.0093]}],"model":'
        '"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}',
        Usage(8, 0),
        [],
        Endpoint.EMBEDDINGS,
    ),
    # vLLM embeddings: an explicit zero and a null
    Answer(
        "vllm embeddings",
        '{"data":[],"usage":{"prompt_tokens":6,"total_tokens":6,"completion_tokens":0,"prompt_tokens_details":null}}',
        Usage(6, 0),
        [],
        Endpoint.EMBEDDINGS,
    ),
    # BerriAI/litellm#37992: an explicit zero is the provider's word
    Answer(
        "explicit zero",
        _said(HELLO, '{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'),
        Usage(0, 0),
        ["Hello"],
    ),
    # apache/apisix#12482: usage missing
    Answer("no usage", f'{{"choices":[{{"message":{HELLO}}}]}}', None, ["Hello"]),
    # PITFALLS, wrong counts: cached tokens beyond the prompt never make it negative
    Answer(
        "cached beyond the prompt",
        _said(
            HELLO,
            '{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":90,'
            '"cache_write_tokens":9},"completion_tokens_details":{"reasoning_tokens":50}}',
        ),
        Usage(10, 5, cache_read_tokens=10, reasoning_tokens=5),
        ["Hello"],
    ),
]
