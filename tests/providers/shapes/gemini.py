"""What Gemini and Vertex answer.

Input is `promptTokenCount` (cached tokens inside) + `toolUsePromptTokenCount`, output `candidatesTokenCount` +
`thoughtsTokenCount`; each may be missing. Every chunk of a stream is cumulative. With alt=sse lines end with CR LF;
without it the stream is one JSON array.
"""

from gateway.model import Usage
from tests.providers.shapes.shape import JSON, SSE, Shape, sse

_AI = "vercel/ai packages/google/src/__fixtures__/"
_PYDANTIC = "pydantic/pydantic-ai tests/models/cassettes/test_google/"
_CRLF = "\r\n\r\n"


def _chunk(text: str, usage_json: str, finish: str = "") -> str:
    finished = f'"finishReason": "{finish}",' if finish else ""
    return (
        f'{{"candidates": [{{"content": {{"parts": [{{"text": "{text}"}}],"role": "model"}},{finished}"index": 0}}],'
        f'"usageMetadata": {usage_json},"modelVersion": "gemini-2.5-flash","responseId": "ru1"}}'
    )


def _counts(prompt: int, candidates: int, total: int, rest: str = "") -> str:
    return (
        f'{{"promptTokenCount": {prompt},"candidatesTokenCount": {candidates},"totalTokenCount": {total},'
        f'"promptTokensDetails": [{{"modality": "TEXT","tokenCount": {prompt}}}]{rest}}}'
    )


def _used(tool: int, thoughts: int) -> str:
    return (
        f',"toolUsePromptTokenCount": {tool},"toolUsePromptTokensDetails": [{{"modality": "TEXT",'
        f'"tokenCount": {tool}}}],"thoughtsTokenCount": {thoughts}'
    )


def _whole(name: str, source: str, body: str, usage: Usage | None, note: str = "") -> Shape:
    return Shape(name, source, "generate_content", False, body.encode(), JSON, usage, note)


def _stream(name: str, source: str, chunks: list[str], usage: Usage | None, note: str = "") -> Shape:
    return Shape(name, source, "generate_content", True, sse(*chunks, blank=_CRLF), SSE, usage, note)


_WHOLE = (
    _whole(
        "gemini, every count",
        _AI + "issue-19822-complete-usage.json",
        '{"candidates":[{"content":{"parts":[{"text":"42"}],"role":"model"},"finishReason":"STOP","index":0}],'
        '"usageMetadata":{"promptTokenCount":19,"cachedContentTokenCount":3,"candidatesTokenCount":4,'
        '"toolUsePromptTokenCount":63,"thoughtsTokenCount":56,"totalTokenCount":142,"cacheTokensDetails":[{"modality":'
        '"TEXT","tokenCount":3}],"serviceTier":"standard","futureUsageField":"x"},"modelVersion":"gemini-2.5-flash"}',
        Usage(82, 60, cache_read_tokens=3, reasoning_tokens=56),
        "19 + 63 in, 4 + 56 out",
    ),
    _whole(
        "gemini, tool use",
        _AI + "google-tool-use-usage.json",
        _chunk("", _counts(55, 51, 251, _used(89, 56)), "STOP"),
        Usage(144, 107, reasoning_tokens=56),
        "the tool's result stands beside the prompt, not in it",
    ),
    _whole(
        "gemini, cached context",
        "ai.google.dev docs, context caching, usage metadata of its example",
        '{"candidates":[{"content":{"parts":[{"text":"A"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":'
        '{"promptTokenCount":696219,"candidatesTokenCount":214,"totalTokenCount":696433,"cachedContentTokenCount":696190}}',
        Usage(696219, 214, cache_read_tokens=696190),
        "cached is inside the prompt (BerriAI/litellm#10667)",
    ),
    _whole(
        "gemini, answer blocked",
        _PYDANTIC + "test_google_model_safety_settings.yaml",
        '{"candidates":[{"content":{},"finishReason":"SAFETY","safetyRatings":[{"category":"HARM_CATEGORY_HATE_SPEECH",'
        '"probability":"LOW","blocked":true}]}],"modelVersion":"gemini-2.5-flash","usageMetadata":{"promptTokenCount":14,'
        '"promptTokensDetails":[{"modality":"TEXT","tokenCount":14}],"totalTokenCount":14}}',
        Usage(14, 0),
        "no candidatesTokenCount",
    ),
    _whole(
        "gemini, prompt blocked by a template",
        _PYDANTIC + "test_google_model_armor_prompt_template_text_gets_blocked.yaml",
        '{"createTime":"2026-05-27T16:53:45.443719Z","modelVersion":"gemini-2.5-flash","promptFeedback":{"blockReason":'
        '"MODEL_ARMOR","blockReasonMessage":"m"},"usageMetadata":{"trafficType":"ON_DEMAND"}}',
        None,
        "usageMetadata without a single count",
    ),
    _whole(
        "gemini, thoughts took the bound",
        _PYDANTIC + "test_google_model_max_tokens_thinking_model_empty_response.yaml",
        '{"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS","index":0}],"modelVersion":"gemini-2.5-pro",'
        '"usageMetadata":{"promptTokenCount":15,"promptTokensDetails":[{"modality":"TEXT","tokenCount":15}],"serviceTier":'
        '"standard","thoughtsTokenCount":2,"totalTokenCount":17}}',
        Usage(15, 2, reasoning_tokens=2),
        "thoughts without candidates (Portkey-AI/gateway#1458)",
    ),
    _whole(
        "vertex",
        _PYDANTIC + "test_google_model_vertex_provider.yaml",
        '{"candidates":[{"avgLogprobs":-0.00055,"content":{"parts":[{"text":"Paris"}],"role":"model"},"finishReason":"STOP"}'
        '],"createTime":"2025-12-31T15:46:13.983958Z","modelVersion":"gemini-2.0-flash","usageMetadata":'
        '{"candidatesTokenCount":8,"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":8}],"promptTokenCount":13,'
        '"promptTokensDetails":[{"modality":"TEXT","tokenCount":13}],"totalTokenCount":21,"trafficType":"ON_DEMAND"}}',
        Usage(13, 8),
    ),
    _whole(
        "gemini, audio heard",
        "ai.google.dev API reference, UsageMetadata, ModalityTokenCount; 32 tokens a second (numbers illustrative)",
        '{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":'
        '{"promptTokenCount":325,"candidatesTokenCount":9,"totalTokenCount":334,"promptTokensDetails":[{"modality":"TEXT",'
        '"tokenCount":5},{"modality":"AUDIO","tokenCount":320}],"candidatesTokensDetails":[{"modality":"TEXT","tokenCount":'
        "9}]}}",
        Usage(325, 9, input_audio_tokens=320),
    ),
    Shape(
        "gemini count",
        _PYDANTIC + "test_google_model_count_tokens.yaml",
        "gemini_count_tokens",
        False,
        (
            b'{\n  "totalTokens": 10,\n  "promptTokensDetails": [\n    {\n      "modality": "TEXT",\n'
            b'      "tokenCount": 10\n    }\n  ]\n}\n'
        ),
        JSON,
        None,
        "a count is the answer, not a consumption: counting is free",
    ),
    Shape(
        "gemini embedding",
        "pydantic/pydantic-ai tests/cassettes/test_embeddings/TestGoogle.test_query_with_dimensions.yaml",
        "embed_content",
        False,
        b'{\n  "embedding": {\n    "values": [\n      0.007457254,\n      0.0020400314\n    ]\n  }\n}\n',
        JSON,
        None,
        "older models tell no usage",
    ),
    Shape(
        "gemini embedding with usage",
        "ai.google.dev API reference, models.embedContent, EmbeddingUsageMetadata (numbers illustrative)",
        "embed_content",
        False,
        b'{"embedding":{"values":[0.51,0.85]},"usageMetadata":{"promptTokenCount":4,"promptTokenDetails":[{"modality":"TEXT",'
        b'"tokenCount":4}]}}',
        JSON,
        Usage(4, 0),
        "promptTokenCount only",
    ),
    Shape(
        "gemini embeddings in a batch",
        _AI + "google-embedding-2-multimodal-batch.json",
        "batch_embed_contents",
        False,
        b'{"embeddings":[{"values":[0.5138951,0.857853]},{"values":[-0.5045317,-0.8633931]}],"usageMetadata":'
        b'{"promptTokenCount":12,"promptTokenDetails":[{"modality":"TEXT","tokenCount":12}]}}',
        JSON,
        Usage(12, 0),
        "one usage for the whole batch; the details' key has no s",
    ),
)

_STREAMS = (
    _stream(
        "gemini stream",
        _PYDANTIC + "test_google_stream_usage_is_live_mid_stream.yaml",
        [
            _chunk("1", _counts(18, 31, 84, ',"thoughtsTokenCount": 35,"serviceTier": "standard"')),
            _chunk("4", _counts(18, 79, 132, ',"thoughtsTokenCount": 35,"serviceTier": "standard"')),
            _chunk("0", _counts(18, 80, 133, ',"thoughtsTokenCount": 35,"serviceTier": "standard"'), "STOP"),
        ],
        Usage(18, 115, reasoning_tokens=35),
        "cumulative: the last chunk wins, nothing is added (wandb/weave#5881)",
    ),
    _stream(
        "gemini stream, page fetched",
        _PYDANTIC + "test_google_model_web_fetch_tool_stream.yaml",
        [
            _chunk("The", _counts(32, 33, 4797, _used(4687, 45))),
            _chunk(" end", _counts(32, 42, 4806, _used(4687, 45))),
            _chunk("Join", _counts(32, 60, 4824, _used(4687, 45)), "STOP"),
        ],
        Usage(4719, 105, reasoning_tokens=45),
        "the page is 146 times the prompt",
    ),
    _stream(
        "gemini stream, web search",
        _AI + "issue-19822-google-search-live.chunks.txt",
        [
            _chunk("It is", _counts(17, 20, 678, _used(308, 333))),
            _chunk("", _counts(17, 37, 695, _used(308, 333)), "STOP"),
        ],
        Usage(325, 370, reasoning_tokens=333),
    ),
    _stream(
        "gemini stream, thoughts first",
        _AI + "gemma-4-output-usage.chunks.txt",
        [
            _chunk("* ", '{"promptTokenCount": 6,"totalTokenCount": 20,"thoughtsTokenCount": 14}'),
            _chunk("* ", '{"promptTokenCount": 6,"totalTokenCount": 82,"thoughtsTokenCount": 76}'),
            _chunk("hello", _counts(6, 1, 83, ',"thoughtsTokenCount": 76')),
            _chunk("", _counts(6, 1, 83, ',"thoughtsTokenCount": 76'), "STOP"),
        ],
        Usage(6, 77, reasoning_tokens=76),
    ),
    _stream(
        "gemini stream, cut while it thinks",
        _AI + "gemma-4-output-usage.chunks.txt, its first two chunks",
        [
            _chunk("* ", '{"promptTokenCount": 6,"totalTokenCount": 20,"thoughtsTokenCount": 14}'),
            _chunk("* ", '{"promptTokenCount": 6,"totalTokenCount": 44,"thoughtsTokenCount": 38}'),
        ],
        Usage(6, 38, reasoning_tokens=38),
        "thoughts are told although no candidate came",
    ),
    _stream(
        "gemini stream, prompt blocked",
        _AI + "issue-19758-prompt-block.chunks.txt",
        [
            (
                '{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},"usageMetadata": {"promptTokenCount": 9,'
                '"totalTokenCount": 9,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 9}],"serviceTier": '
                '"standard"},"modelVersion": "gemini-3.7-flash"}'
            ),
        ],
        Usage(9, 0),
        "no candidates at all",
    ),
    _stream(
        "vertex stream, chunks without counts",
        "google-gemini/gemini-cli recorded responses: usageMetadata with trafficType only (the last one's made here)",
        [
            _chunk("Why", '{"trafficType": "PROVISIONED_THROUGHPUT"}'),
            _chunk(
                " not",
                '{"promptTokenCount": 10,"candidatesTokenCount": 17,"totalTokenCount": 51,"trafficType": '
                '"PROVISIONED_THROUGHPUT","thoughtsTokenCount": 24}',
                "STOP",
            ),
            _chunk("", '{"trafficType": "PROVISIONED_THROUGHPUT"}'),
        ],
        Usage(10, 41, reasoning_tokens=24),
        "a usage without counts never overwrites",
    ),
    Shape(
        "gemini stream as an array",
        "ai.google.dev API reference, models.streamGenerateContent without alt=sse (numbers illustrative)",
        "generate_content",
        True,
        (
            "["
            + "\n,\r\n".join(
                [
                    _chunk("He", _counts(8, 2, 40, ',"thoughtsTokenCount": 30')),
                    _chunk("llo", _counts(8, 5, 43, ',"thoughtsTokenCount": 30'), "STOP"),
                ]
            )
            + "\n]\n"
        ).encode(),
        JSON,
        Usage(8, 35, reasoning_tokens=30),
        "one JSON array over the whole stream; a bracket or a comma opens each piece",
    ),
)

SHAPES = _WHOLE + _STREAMS
