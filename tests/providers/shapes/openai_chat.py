"""What OpenAI answers to chat, legacy completions and embeddings."""

from gateway.model import Usage
from tests.providers.shapes.shape import DONE, JSON, SSE, Shape, sse

_HELLO = '{"role":"assistant","content":"Hello","refusal":null}'


def chat(name: str, source: str, usage_json: str, usage: Usage | None, note: str = "", rest: str = "") -> Shape:
    """Give a chat completion that was not streamed; `rest` follows its usage."""
    body = (
        '{"id":"chatcmpl-1","object":"chat.completion","created":1740404659,"model":"m","choices":[{"index":0,"message":'
        f'{_HELLO},"logprobs":null,"finish_reason":"stop"}}],"usage":{usage_json}{rest}}}'
    )
    return Shape(name, source, "chat", False, body.encode(), JSON, usage, note)


def chat_stream(name: str, source: str, frames: list[str], usage: Usage | None, note: str = "") -> Shape:
    """Give a streamed chat completion: the frames as they are, nothing added."""
    return Shape(name, source, "chat", True, sse(*frames), SSE, usage, note)


def delta(text: str, rest: str = "", finish: str = "null") -> str:
    """Give a chunk with one delta; `rest` follows its choices."""
    return (
        '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"m","choices":[{"index":0,'
        f'"delta":{text},"logprobs":null,"finish_reason":{finish}}}]{rest}}}'
    )


def bare(usage_json: str, rest: str = "") -> str:
    """Give a chunk without choices."""
    return (
        '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"m","choices":[],"usage":'
        f"{usage_json}{rest}}}"
    )


SHAPES = (
    chat(
        "openai chat, audio heard",
        "pydantic/pydantic-ai tests/models/cassettes/test_openai/test_audio_as_binary_content_input.yaml",
        '{"completion_tokens":9,"completion_tokens_details":{"accepted_prediction_tokens":0,"audio_tokens":0,'
        '"reasoning_tokens":0,"rejected_prediction_tokens":0,"text_tokens":9},"prompt_tokens":64,"prompt_tokens_details":'
        '{"audio_tokens":44,"cached_tokens":0,"image_tokens":0,"text_tokens":20},"total_tokens":73}',
        Usage(64, 9, input_audio_tokens=44),
        "audio is a part of the prompt, at a price of its own",
        ',"service_tier":"default","system_fingerprint":"fp_31"',
    ),
    chat(
        "openai chat, predicted output",
        "simonwillison.net, 2024-11-04, OpenAI predicted outputs (recorded answer)",
        '{"prompt_tokens":166,"completion_tokens":226,"total_tokens":392,"completion_tokens_details":'
        '{"accepted_prediction_tokens":49,"audio_tokens":null,"reasoning_tokens":0,"rejected_prediction_tokens":107}}',
        Usage(166, 226),
        "rejected prediction tokens stand inside completion_tokens; a detail may be null",
    ),
    chat(
        "openai chat, usage null",
        "OpenAI API reference, chat completion object: usage is optional",
        "null",
        None,
    ),
    Shape(
        "openai chat, audio spoken",
        "vercel/ai packages/openai/src/chat/__fixtures__/openai-audio-gpt-audio-1.5.json",
        "chat",
        False,
        (
            b'{"id":"chatcmpl-audio","object":"chat.completion","created":1790134508,"model":"gpt-audio-1.5","choices":'
            b'[{"index":0,"message":{"role":"assistant","content":null,"audio":{"id":"audio_1","data":"UklGRg==",'
            b'"expires_at":1790138108,"transcript":"Fix it"}},"finish_reason":"stop"}],"usage":{"prompt_tokens":17,'
            b'"completion_tokens":40,"total_tokens":57,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0,"text_tokens":17,'
            b'"image_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":30,'
            b'"accepted_prediction_tokens":0,"rejected_prediction_tokens":0,"text_tokens":10}}}'
        ),
        JSON,
        Usage(17, 40, output_audio_tokens=30),
        "audio is a part of the completion, at a price of its own",
    ),
    chat_stream(
        "openai chat stream, usage asked for",
        "OpenAI API reference, chat completion chunk object, stream_options.include_usage (numbers illustrative)",
        [
            delta('{"role":"assistant","content":"","refusal":null}', ',"usage":null,"obfuscation":"x9"'),
            delta('{"content":"Hello"}', ',"usage":null,"obfuscation":"Kd"'),
            delta("{}", ',"usage":null,"obfuscation":"0"', '"stop"'),
            bare(
                '{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":0,'
                '"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,'
                '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}',
                ',"obfuscation":""',
            ),
            DONE,
        ],
        Usage(19, 10),
    ),
    chat_stream(
        "openai chat stream, moderation after usage",
        "openai/openai-python#3901: a chunk with usage null after the usage chunk (numbers illustrative)",
        [
            delta('{"role":"assistant","content":"Hi"}', ',"usage":null'),
            delta("{}", ',"usage":null', '"stop"'),
            bare('{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}'),
            bare("null", ',"moderation":{"input":{"type":"moderation_results"},"output":null}'),
            DONE,
        ],
        Usage(9, 2),
        "null never overwrites",
    ),
    chat_stream(
        "openai chat stream, usage not asked for",
        "OpenAI API reference, chat completion chunk object without include_usage; claude-code-hub#1165",
        [delta('{"role":"assistant","content":"Hi","refusal":null}'), delta("{}", "", '"stop"'), DONE],
        None,
        "whole, but free for a reader who only adds up what is told",
    ),
    chat_stream(
        "openai chat stream, client left",
        "openai/openai-openapi#539: an aborted stream has no usage at all",
        [delta('{"role":"assistant","content":""}', ',"usage":null'), delta('{"content":"Hel"}', ',"usage":null')],
        None,
        "settle by what was delivered",
    ),
    chat_stream(
        "openai chat stream, error in the middle",
        "OpenAI API reference, streaming errors: an error object instead of a chunk",
        [
            delta('{"role":"assistant","content":"Hel"}', ',"usage":null'),
            '{"error":{"message":"server error","type":"server_error","param":null,"code":null}}',
        ],
        None,
    ),
    Shape(
        "openai legacy completion",
        "OpenAI API reference, legacy completion object (numbers of its example)",
        "completions",
        False,
        (
            b'{"id":"cmpl-uq","object":"text_completion","created":1589478378,"model":"gpt-3.5-turbo-instruct","choices":'
            b'[{"text":"\\n\\nYes","index":0,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":5,'
            b'"completion_tokens":7,"total_tokens":12}}'
        ),
        JSON,
        Usage(5, 7),
    ),
    Shape(
        "openai legacy completion stream",
        "OpenAI API reference, legacy completions, stream_options.include_usage (numbers illustrative)",
        "completions",
        True,
        sse(
            '{"id":"cmpl-7","object":"text_completion","created":1690759702,"choices":[{"text":"This","index":0,'
            '"logprobs":null,"finish_reason":null}],"model":"gpt-3.5-turbo-instruct","usage":null}',
            '{"id":"cmpl-7","object":"text_completion","created":1690759702,"choices":[],"model":"gpt-3.5-turbo-instruct"'
            ',"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}',
            DONE,
        ),
        SSE,
        Usage(5, 1),
    ),
    Shape(
        "openai embeddings in base64",
        "OpenAI API reference, embeddings, encoding_format base64 (numbers of its example)",
        "embeddings",
        False,
        (
            b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAgD4="}],"model":'
            b'"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}'
        ),
        JSON,
        Usage(8, 0),
        "no completion_tokens at all",
    ),
)
