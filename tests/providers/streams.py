"""Streams as real providers shape them, each with its source, and what must be read from them.

Identifiers are shortened; names, nesting, nulls and the order of frames are the providers'.
"""

from dataclasses import dataclass

from gateway.model import Endpoint, Usage


@dataclass(frozen=True)
class Stream:
    """A stream's frames without their blank lines; `hidden` are those not shown to a client that asked for no usage."""

    name: str
    frames: list[str]
    usage: Usage | None
    texts: list[str]
    hidden: tuple[int, ...] = ()
    has_error: bool = False
    endpoint: Endpoint = Endpoint.CHAT
    blank: str = "\n\n"

    @property
    def sent(self) -> list[bytes]:
        """Give the frames as bytes, blank lines included."""
        return [(frame + self.blank).encode() for frame in self.frames]


def _delta(delta: str, rest: str = "") -> str:
    return (
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268,"model":"m","choices":[{"index":'
        f'0,"delta":{delta},"logprobs":null,"finish_reason":null}}]{rest}}}'
    )


def _stop(rest: str = "", delta: str = "{}") -> str:
    return _delta(delta, rest).replace('"finish_reason":null', '"finish_reason":"stop"')


def _bare(usage: str, rest: str = "") -> str:
    return f'data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":{usage}{rest}}}'


ROLE = _delta('{"role":"assistant","content":"","refusal":null}', ',"usage":null')
HEL, LO = _delta('{"content":"Hel"}', ',"usage":null'), _delta('{"content":"lo"}', ',"usage":null')
DONE = "data: [DONE]"
NINE_TWO = '{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}'

STREAMS = [
    # OpenAI API reference, chat completion chunk object, stream_options.include_usage
    Stream(
        "openai include_usage",
        [ROLE, HEL, LO, _stop(',"usage":null'), _bare(NINE_TWO), DONE],
        Usage(9, 2),
        ["Hello"],
        (4,),
    ),
    # OpenAI without include_usage: no usage at all
    Stream("openai silent", [_delta('{"content":"Hi"}'), _stop(), DONE], None, ["Hi"]),
    # OpenAI API reference: `obfuscation` pads each chunk
    Stream(
        "openai obfuscation",
        [_delta('{"content":"Hi"}', ',"obfuscation":"x9Kd0"'), _bare(NINE_TWO, ',"obfuscation":""'), DONE],
        Usage(9, 2),
        ["Hi"],
        (1,),
    ),
    # OpenAI with moderation: a chunk with usage null after the usage chunk (openai/openai-python#3901)
    Stream(
        "openai moderation after usage",
        [HEL, _bare(NINE_TWO), _bare("null", ',"moderation":{"input":{"type":"moderation_results"}}'), DONE],
        Usage(9, 2),
        ["Hel"],
        (1,),
    ),
    # OpenAI API reference, streamed tool calls: two calls, interleaved arguments
    Stream(
        "openai parallel tool calls",
        [
            _delta(
                '{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_D","type":"function",'
                '"function":{"name":"get_weather","arguments":""}}]}'
            ),
            _delta('{"tool_calls":[{"index":0,"function":{"arguments":"{\\"city\\":"}}]}'),
            _delta(
                '{"tool_calls":[{"index":1,"id":"call_E","type":"function","function":{"name":"now","arguments":"{"}}]}'
            ),
            _delta('{"tool_calls":[{"index":0,"function":{"arguments":"\\"Paris\\"}"}}]}'),
            _delta('{"tool_calls":[{"index":1,"function":{"arguments":"}"}}]}'),
            DONE,
        ],
        None,
        ["get_weather", '{"city":"Paris"}', "now", "{}"],
    ),
    # OpenAI, deprecated function_call
    Stream(
        "openai function_call",
        [_delta('{"function_call":{"name":"f","arguments":"{"}}'), _delta('{"function_call":{"arguments":"}"}}'), DONE],
        None,
        ["f", "{}"],
    ),
    # OpenAI guide, structured outputs: streamed refusal
    Stream("openai refusal", [_delta('{"refusal":"I "}'), _delta('{"refusal":"cannot."}'), DONE], None, ["I cannot."]),
    # OpenAI guide, audio: transcript and data in one delta
    Stream(
        "openai audio",
        [
            _delta('{"audio":{"id":"a","transcript":"Ye"}}'),
            _delta('{"audio":{"transcript":"s","data":"UklGRg=="}}'),
            DONE,
        ],
        None,
        ["Yes"],
    ),
    # OpenAI, n = 2: choices interleave; usage is over both
    Stream(
        "openai two choices",
        [HEL, HEL.replace('"index":0', '"index":1'), LO, _bare(NINE_TWO), DONE],
        Usage(9, 2),
        ["Hello", "Hel"],
        (3,),
    ),
    # Azure: opens with prompt_filter_results and no choices, three line feeds between (AbanteAI/mentat#429)
    Stream(
        "azure prompt filter",
        [
            'data: {"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[{"prompt_index":0}]}',
            HEL,
            _stop(',"usage":null'),
            _bare(NINE_TWO),
            DONE,
        ],
        Usage(9, 2),
        ["Hel"],
        (3,),
        blank="\n\n\n",
    ),
    # Azure asynchronous filter: a choice without delta (microsoft/autogen#6465)
    Stream(
        "azure asynchronous filter",
        [
            HEL,
            (
                'data: {"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,'
                '"content_filter_results":{},"content_filter_offsets":{"check_offset":44}}],"usage":null}'
            ),
            DONE,
        ],
        None,
        ["Hel"],
    ),
    # vLLM continuous_usage_stats: running totals on each chunk (vllm-project/vllm#6652)
    Stream(
        "vllm continuous usage",
        [
            _delta('{"content":"Hel"}', ',"usage":{"prompt_tokens":9,"total_tokens":10,"completion_tokens":1}'),
            _delta('{"content":"lo"}', ',"usage":{"prompt_tokens":9,"total_tokens":11,"completion_tokens":2}'),
            _bare('{"prompt_tokens":9,"total_tokens":12,"completion_tokens":3}'),
            DONE,
        ],
        Usage(9, 3),
        ["Hello"],
        (2,),
    ),
    # vLLM legacy completions (vllm/entrypoints/openai/serving_completion.py)
    Stream(
        "vllm completions",
        [
            (
                'data: {"id":"cmpl-1","object":"text_completion","created":1,"choices":[{"index":0,"text":"I",'
                '"logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":null}'
            ),
            (
                'data: {"id":"cmpl-1","object":"text_completion","created":1,"choices":[{"index":0,"text":" me",'
                '"logprobs":null,"finish_reason":"length","stop_reason":null}],"usage":null}'
            ),
            'data: {"id":"cmpl-1","choices":[],"usage":{"prompt_tokens":7,"total_tokens":9,"completion_tokens":2}}',
            DONE,
        ],
        Usage(7, 2),
        ["I me"],
        (2,),
        endpoint=Endpoint.COMPLETIONS,
    ),
    # vLLM, SGLang: reasoning_content, then content
    Stream(
        "vllm reasoning",
        [_delta('{"reasoning_content":"Hm"}'), _delta('{"reasoning_content":"m"}'), HEL, DONE],
        None,
        ["Hmm", "Hel"],
    ),
    # Groq: usage under x_groq, on the finish chunk and on the extra one (Portkey-AI/gateway#1338): one count, not three
    Stream(
        "groq x_groq",
        [
            _delta('{"role":"assistant","content":""}', ',"x_groq":{"id":"req_1"}'),
            HEL,
            _stop(f',"usage":{NINE_TWO},"x_groq":{{"id":"req_1","usage":{NINE_TWO}}}'),
            _bare(NINE_TWO, f',"x_groq":{{"id":"req_1","usage":{NINE_TWO}}}'),
            DONE,
        ],
        Usage(9, 2),
        ["Hel"],
        (3,),
    ),
    # Groq when usage was not asked for: x_groq only
    Stream(
        "groq silent",
        [HEL, _stop(f',"x_groq":{{"id":"req_1","usage":{{"queue_time":0.02,{NINE_TWO[1:]}}}'), DONE],
        Usage(9, 2),
        ["Hel"],
    ),
    # Mistral: usage on the finish chunk, choices not empty; content may be null (mistralai/client-python#16)
    Stream(
        "mistral finish chunk",
        [_delta('{"role":null,"content":"It"}'), _stop(f',"usage":{NINE_TWO}', '{"content":""}'), DONE],
        Usage(9, 2),
        ["It"],
    ),
    # Mistral reasoning: content is a list of parts (NousResearch/hermes-agent#11243)
    Stream(
        "mistral thinking",
        [
            _delta('{"content":[{"type":"thinking","thinking":[{"type":"text","text":"The"}]}]}'),
            _delta('{"content":[{"type":"text","text":"The sum"}]}'),
            DONE,
        ],
        None,
        ["TheThe sum"],
    ),
    # DeepSeek: usage with cache hits on the finish chunk (api-docs.deepseek.com, BerriAI/litellm#36168)
    Stream(
        "deepseek finish chunk",
        [
            _delta('{"content":null,"reasoning_content":"Hm"}'),
            _delta('{"content":"9.8","reasoning_content":null}'),
            _stop(
                ',"usage":{"prompt_tokens":16,"completion_tokens":10,"total_tokens":26,"prompt_tokens_details":'
                '{"cached_tokens":0},"prompt_cache_hit_tokens":0,"prompt_cache_miss_tokens":16}'
            ),
            DONE,
        ],
        Usage(16, 10),
        ["Hm", "9.8"],
    ),
    # xAI: running usage with choices, then an empty chunk (BerriAI/litellm#17136); the total tells the reasoning
    Stream(
        "xai running usage",
        [
            _delta('{"content":"2"}', ',"usage":{"prompt_tokens":12,"completion_tokens":1,"total_tokens":300}'),
            _stop(
                ',"usage":{"prompt_tokens":12,"completion_tokens":2,"total_tokens":331,"completion_tokens_details":'
                '{"reasoning_tokens":317}}'
            ),
            'data: {"id":"923d4779","object":"chat.completion.chunk","created":1764152777,"model":"grok","choices":[]}',
            DONE,
        ],
        Usage(12, 319, reasoning_tokens=317),
        ["2"],
    ),
    # OpenRouter: comments while it waits, reasoning twice, usage on a chunk with choices (openrouter.ai/docs)
    Stream(
        "openrouter comments",
        [
            ": OPENROUTER PROCESSING",
            ": OPENROUTER PROCESSING",
            _delta(
                '{"role":"assistant","content":"","reasoning":"We","reasoning_details":[{"type":"reasoning.text",'
                '"text":"We","format":"unknown","index":0}]}'
            ),
            HEL,
            _stop(f',"usage":{NINE_TWO}', '{"role":"assistant","content":""}'),
            DONE,
        ],
        Usage(9, 2),
        ["We", "Hel"],
    ),
    # OpenRouter: a usage chunk without the key `choices` (langchain-ai/langchain#35559)
    Stream("openrouter usage alone", [HEL, f'data: {{"usage":{NINE_TWO}}}', DONE], Usage(9, 2), ["Hel"], (1,)),
    # OpenRouter: an error in the middle, finish_reason "error" (openrouter.ai/docs, errors during streaming)
    Stream(
        "openrouter error",
        [
            HEL,
            (
                'data: {"id":"c","object":"chat.completion.chunk","error":{"code":"server_error","message":"Provider '
                'disconnected"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}'
            ),
        ],
        None,
        ["Hel"],
        has_error=True,
    ),
    # OpenAI: an error object in the stream
    Stream(
        "openai error",
        [HEL, 'data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}'],
        None,
        ["Hel"],
        has_error=True,
    ),
    # Moonshot (Kimi): usage inside the first choice of the finish chunk (earendil-works/pi#2017)
    Stream(
        "moonshot usage in the choice",
        [
            HEL,
            (
                'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop",'
                '"usage":{"prompt_tokens":39,"completion_tokens":211,"total_tokens":250}}],"system_fingerprint":"fpv0"}'
            ),
            DONE,
        ],
        Usage(39, 211),
        ["Hel"],
    ),
    # Ollama /v1: reasoning under `reasoning` (anomalyco/opencode#46061)
    Stream(
        "ollama reasoning",
        [_delta('{"role":"assistant","content":"","reasoning":"The user"}'), HEL, _stop(), _bare(NINE_TWO), DONE],
        Usage(9, 2),
        ["The user", "Hel"],
        (3,),
    ),
    # llama.cpp's server: usage and timings with choices empty (ggml-org/llama.cpp#16048)
    Stream(
        "llama.cpp timings",
        [
            'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}]}',
            'data: {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"?"}}],"created":1758108431}',
            (
                'data: {"choices":[],"created":1758,"usage":{"completion_tokens":31,"prompt_tokens":75,"total_tokens":'
                '106},"timings":{"cache_n":0,"prompt_n":75,"prompt_ms":180.025}}'
            ),
            DONE,
        ],
        Usage(75, 31),
        ["?"],
        (2,),
    ),
    # llama-cpp-python by sse-starlette: CR LF and pings as comments
    Stream(
        "carriage returns",
        [": ping - 2024-05-01 10:00:00", HEL, _bare(NINE_TWO), DONE],
        Usage(9, 2),
        ["Hel"],
        (2,),
        blank="\r\n\r\n",
    ),
    # Text Generation Inference: no space after `data:`; an `event` line before (huggingface/text-generation-inference)
    Stream(
        "no space, event lines",
        [
            "event: message\n" + HEL.replace("data: ", "data:"),
            _bare(NINE_TWO).replace("data: ", "data:"),
            "data:[DONE]",
        ],
        Usage(9, 2),
        ["Hel"],
        (1,),
    ),
    # The HTML standard: several data lines are one value; a byte-order mark may open the stream
    Stream(
        "several data lines",
        ['\ufeffdata: {"choices":\ndata: [{"index":0,\ndata: "delta":{"content":"Hi"}}]}', DONE],
        None,
        ["Hi"],
    ),
    # Gemini's OpenAI-compatible endpoint: cumulative usage on each chunk (openai/openai-python#2641)
    Stream(
        "gemini compat cumulative",
        [
            _delta('{"content":"a"}', ',"usage":{"completion_tokens":3,"prompt_tokens":12,"total_tokens":1015}'),
            _delta('{"content":"b"}', ',"usage":{"completion_tokens":9,"prompt_tokens":12,"total_tokens":1290}'),
            DONE,
        ],
        Usage(12, 1278),
        ["ab"],
    ),
    # BerriAI/litellm#37992: an explicit zero stays zero
    Stream(
        "explicit zero",
        [HEL, _bare('{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}'), DONE],
        Usage(0, 0),
        ["Hel"],
        (1,),
    ),
    # A usage that cannot be true does not replace a credible one; it is still the frame nobody asked for
    Stream(
        "incredible usage",
        [HEL, _bare(NINE_TWO), _bare('{"prompt_tokens":-1,"completion_tokens":true}'), DONE],
        Usage(9, 2),
        ["Hel"],
        (1, 2),
    ),
    # A surrogate pair cut in two by a server that splits strings by UTF-16 units
    Stream(
        "half a character",
        [_delta('{"content":"\\ud83d"}'), _delta('{"content":"\\ude00"}'), DONE],
        None,
        ["\ud83d\ude00"],
    ),
    # A proxy's error page in the middle: unreadable, so it counts as if it were text
    Stream("unreadable", [HEL, "data: <html>Bad Gateway</html>", DONE], None, ["Hel", "<html>Bad Gateway</html>"]),
]
