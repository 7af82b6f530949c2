"""What answers transcription, speech, images, moderation, embeddings and reranking: OpenAI's forms and their kin."""

from gateway.model import Usage
from tests.providers.shapes.shape import DONE, JSON, SSE, Shape, sse

_AI = "vercel/ai packages/"


def _whole(name: str, source: str, endpoint: str, body: str, usage: Usage | None, note: str = "") -> Shape:
    return Shape(name, source, endpoint, False, body.encode(), JSON, usage, note)


_HEARD = (
    _whole(
        "transcription by tokens",
        _AI + "openai/src/transcription/__fixtures__/openai-transcription-issue-14721-audio-mp4.json",
        "transcriptions",
        '{"text":"Honestly.","usage":{"type":"tokens","total_tokens":169,"input_tokens":122,"input_token_details":'
        '{"text_tokens":0,"audio_tokens":122},"output_tokens":47}}',
        Usage(122, 47, input_audio_tokens=122),
        "input_token_details, in the singular",
    ),
    _whole(
        "transcription by duration",
        "OpenAI API reference, create transcription, verbose_json with whisper-1",
        "transcriptions",
        '{"task":"transcribe","language":"english","duration":8.47,"text":"The","segments":[],"usage":{"type":"duration",'
        '"seconds":9}}',
        Usage(0, 0),
        "billed by the second: it says that there are no tokens",
    ),
    _whole(
        "transcription with speakers, no usage",
        _AI + "openai/src/transcription/__fixtures__/openai-diarized-transcription.json",
        "transcriptions",
        '{"task":"transcribe","duration":3.2,"text":"Hello.","segments":[{"type":"transcript.text.segment","id":"seg_001",'
        '"start":0,"end":1.5,"text":"Hello.","speaker":"A"}]}',
        None,
        "the length of the audio is not a usage",
    ),
    _whole(
        "groq transcription",
        "console.groq.com API reference, create transcription",
        "transcriptions",
        '{"text":"Hi.","x_groq":{"id":"req_unique_id"}}',
        None,
        "x_groq without usage",
    ),
    Shape(
        "transcription as text",
        "OpenAI API reference, create transcription, response_format text",
        "transcriptions",
        False,
        b"Honestly, it was.\n",
        "text/plain; charset=utf-8",
        None,
        "not JSON at all",
    ),
    Shape(
        "transcription stream",
        "OpenAI API reference, create transcription, streaming example",
        "transcriptions",
        True,
        sse(
            '{"type":"transcript.text.delta","delta":"I","logprobs":[{"token":"I","logprob":-0.00007588794,"bytes":[73]}]}',
            '{"type":"transcript.text.delta","delta":" see"}',
            '{"type":"transcript.text.done","text":"I see","logprobs":[],"usage":{"input_tokens":14,'
            '"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":45,"total_tokens":59}}',
            DONE,
        ),
        SSE,
        Usage(14, 45, input_audio_tokens=14),
        "usage of the last event has no type",
    ),
    _whole(
        "translation",
        "OpenAI API reference, create translation",
        "translations",
        '{"text":"Hello, my name is Wolfgang."}',
        None,
        "never a usage",
    ),
    _whole(
        "translation, verbose",
        "OpenAI API reference, translation object (verbose_json)",
        "translations",
        '{"task":"translate","language":"english","duration":4.2,"text":"Hello.","segments":[]}',
        None,
    ),
)

_SPOKEN = (
    Shape(
        "speech stream",
        "OpenAI API reference, create speech, stream_format sse, speech.audio.done example",
        "speech",
        True,
        sse(
            '{"type":"speech.audio.delta","audio":"UklGRg=="}',
            '{"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}',
        ),
        SSE,
        Usage(14, 101),
        "the kind of the tokens is not told",
    ),
    Shape(
        "speech as audio",
        "OpenAI API reference, create speech: the audio file content",
        "speech",
        False,
        b"ID3\x04\x00\x00\x00\x00\x00#TSSE\xff\xf3\x84\xc4",
        "audio/mpeg",
        None,
        "bytes of a sound file, usage nowhere",
    ),
)

_SEEN = (
    _whole(
        "image",
        "OpenAI API reference, create image, example response",
        "images",
        '{"created":1713833628,"data":[{"b64_json":"iVBORw=="}],"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":'
        '50,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}',
        Usage(50, 50),
    ),
    _whole(
        "image by its address",
        "OpenAI API reference, create image, dall-e-3",
        "images",
        '{"created":1589478378,"data":[{"revised_prompt":"An otter","url":"https://images.example/1.png"}]}',
        None,
        "billed by the image",
    ),
    Shape(
        "image stream",
        "OpenAI API reference, image generation streaming events",
        "images",
        True,
        (
            b'event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"iVBO",'
            b'"partial_image_index":0}\n\nevent: image_generation.completed\ndata: {"type":'
            b'"image_generation.completed","b64_json":"iVBORw==","usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":'
            b'{"text_tokens":10,"image_tokens":40}}}\n\n'
        ),
        SSE,
        Usage(50, 50),
        "a partial image has no usage; no [DONE]",
    ),
    Shape(
        "image stream, tokens of the output only",
        "BytePlus ModelArk, image generation API, streaming response",
        "images",
        True,
        sse(
            '{"type":"image_generation.partial_succeeded","model":"m","created":1757931143,"image_index":0,"url":'
            '"https://images.example/1.png","size":"1024x1024"}',
            '{"type":"image_generation.completed","model":"m","created":1757931143,"usage":{"generated_images":1,'
            '"output_tokens":100,"total_tokens":100}}',
            DONE,
        ),
        SSE,
        Usage(0, 100),
        "no input_tokens: the total says that there are none",
    ),
    _whole(
        "image edit",
        "OpenAI API reference, create image edit, usage of GPT image models (numbers illustrative)",
        "image_edits",
        '{"created":1713833628,"background":"opaque","data":[{"b64_json":"iVBORw=="}],"output_format":"png","quality":"high",'
        '"size":"1024x1024","usage":{"input_tokens":323,"input_tokens_details":{"image_tokens":272,"text_tokens":51},'
        '"output_tokens":4160,"output_tokens_details":{"image_tokens":4160,"text_tokens":0},"total_tokens":4483}}',
        Usage(323, 4160),
        "the prompt's count holds hidden text of the edit",
    ),
    Shape(
        "image edit stream",
        "OpenAI API reference, image edit streaming events",
        "image_edits",
        True,
        (
            b'event: image_edit.partial_image\ndata: {"type":"image_edit.partial_image","b64_json":"iVBO",'
            b'"partial_image_index":0}\n\nevent: image_edit.completed\ndata: {"type":"image_edit.completed","b64_json":'
            b'"iVBORw==","usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":'
            b'{"text_tokens":10,"image_tokens":40}}}\n\n'
        ),
        SSE,
        Usage(50, 50),
    ),
    _whole(
        "moderation",
        "OpenAI API reference, create moderation",
        "moderations",
        '{"id":"modr-0d9","model":"omni-moderation-latest","results":[{"flagged":true,"categories":{"violence":true},'
        '"category_scores":{"violence":0.92}}]}',
        None,
        "free, and no usage",
    ),
)

_EMBEDDED = (
    _whole(
        "cohere embeddings",
        "pydantic/pydantic-ai tests/cassettes/test_embeddings/TestCohere.test_query.yaml",
        "embeddings",
        '{"id":"0728","embeddings":{"float":[[-0.0058771195,0.00554559]]},"texts":["Hi"],"meta":{"api_version":'
        '{"version":"2"},"billed_units":{"image_tokens":0,"input_tokens":4}},"response_type":"embeddings_by_type"}',
        Usage(4, 0),
        "no usage: meta.billed_units.input_tokens",
    ),
    _whole(
        "voyage embeddings",
        "docs.voyageai.com, API reference, text embeddings",
        "embeddings",
        '{"object":"list","data":[{"object":"embedding","embedding":[0.0039],"index":0}],"model":"voyage-3.5","usage":'
        '{"total_tokens":10}}',
        Usage(10, 0),
        "total_tokens only",
    ),
    _whole(
        "vllm embeddings",
        "vllm/entrypoints/openai/protocol.py, EmbeddingResponse (numbers illustrative)",
        "embeddings",
        '{"id":"embd-1","object":"list","created":1,"model":"m","data":[{"index":0,"object":"embedding","embedding":[0.1]}],'
        '"usage":{"prompt_tokens":6,"total_tokens":6,"completion_tokens":0,"prompt_tokens_details":null}}',
        Usage(6, 0),
    ),
)

_RANKED = (
    _whole(
        "vllm rerank",
        "docs.vllm.ai, OpenAI-compatible server, re-rank API, example response",
        "rerank",
        '{"id":"rerank-fae51b","model":"BAAI/bge-reranker-base","usage":{"total_tokens":56},"results":[{"index":1,"document":'
        '{"text":"Paris."},"relevance_score":0.99853515625},{"index":0,"document":{"text":"Brasilia."},"relevance_score":'
        "0.0005860328674316406}]}",
        Usage(56, 0),
        "total_tokens only: all of it is input",
    ),
    _whole(
        "vllm rerank, later",
        "vllm/entrypoints/pooling, RerankUsage with prompt_tokens (numbers of the documented example)",
        "rerank",
        '{"id":"rerank-1","model":"m","usage":{"prompt_tokens":56,"total_tokens":56},"results":[{"index":1,"document":'
        '{"text":"Paris.","multi_modal":null},"relevance_score":0.9985}]}',
        Usage(56, 0),
    ),
    _whole(
        "jina rerank",
        "jina.ai/reranker, API, example response",
        "rerank",
        '{"model":"jina-reranker-v2-base-multilingual","usage":{"total_tokens":815},"results":[{"index":0,"relevance_score":'
        "0.8774}]}",
        Usage(815, 0),
    ),
    _whole(
        "openrouter rerank",
        "openrouter.ai/docs, rerank, CreateRerankResponseBody",
        "rerank",
        '{"id":"gen-rerank-1","model":"cohere/rerank-v3.5","provider":"Cohere","results":[{"document":{"text":"Paris."},'
        '"index":0,"relevance_score":0.98}],"usage":{"search_units":1,"total_tokens":150}}',
        Usage(150, 0),
        "search_units beside tokens",
    ),
    _whole(
        "cohere rerank",
        _AI + "cohere/src/reranking/__fixtures__/cohere-reranking.1.json",
        "rerank",
        '{"id":"b44f","results":[{"index":1,"relevance_score":0.10183054},{"index":0,"relevance_score":0.03762639}],"meta":'
        '{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}',
        None,
        "billed by the search: no tokens are told",
    ),
    _whole(
        "siliconflow rerank",
        "docs.siliconflow.com, API reference, create rerank; Cohere's has the same meta.tokens (illustrative)",
        "rerank",
        '{"id":"r","results":[{"index":0,"relevance_score":0.9}],"meta":{"billed_units":{"input_tokens":28,"output_tokens":0,'
        '"search_units":0,"classifications":0},"tokens":{"input_tokens":28,"output_tokens":0}}}',
        Usage(28, 0),
        "meta.tokens, where a server tells them",
    ),
)

SHAPES = _HEARD + _SPOKEN + _SEEN + _EMBEDDED + _RANKED
