"""What Ollama answers natively: the last line of a stream (`done`: true) has the counts; a zero is left out.

`prompt_eval_count` holds cached tokens (`prompt_eval_cached_count`) but may be missing altogether: then the provider
has not said the input, which is still to be counted, and the usage is marked as estimated. Loading a model takes none.
"""

from gateway.model import Usage
from tests.providers.shapes.shape import JSON, NDJSON, Shape, ndjson

_API = "ollama/ollama docs/api.md, "
_TIMES = '"total_duration":4883583458,"load_duration":1334875'


def _counts(prompt: int, answer: int) -> str:
    return (
        f'{_TIMES},"prompt_eval_count":{prompt},"prompt_eval_duration":342546000,"eval_count":{answer},'
        '"eval_duration":4535599000'
    )


def _chat(done: str, message: str = '{"role":"assistant","content":"Hello!"}') -> str:
    return f'{{"model":"llama3.2","created_at":"2023-12-12T14:13:43.416799Z","message":{message},"done":{done}}}'


def _generate(done: str, text: str = "Because.") -> str:
    return f'{{"model":"llama3.2","created_at":"2023-08-04T19:22:45.499127Z","response":"{text}","done":{done}}}'


def _whole(name: str, source: str, endpoint: str, body: str, usage: Usage | None, note: str = "") -> Shape:
    return Shape(name, source, endpoint, False, body.encode(), JSON, usage, note)


def _stream(name: str, source: str, endpoint: str, lines: list[str], usage: Usage | None, note: str = "") -> Shape:
    return Shape(name, source, endpoint, True, ndjson(*lines), NDJSON, usage, note)


_NOTHING_SAID = '{"role":"assistant","content":""}'

SHAPES = (
    _whole(
        "ollama chat",
        _API + "chat request (no streaming)",
        "ollama_chat",
        _chat(f"true,{_counts(26, 298)}"),
        Usage(26, 298),
    ),
    _whole(
        "ollama chat, tool call",
        _API + "chat request (with tools)",
        "ollama_chat",
        _chat(
            f'true,"done_reason":"stop",{_counts(122, 33)}',
            '{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{"format":"celsius"}}}]}',
        ),
        Usage(122, 33),
    ),
    Shape(
        "ollama chat, model loaded",
        _API + "chat, load a model",
        "ollama_chat",
        False,
        _chat('true,"done_reason":"load"', _NOTHING_SAID).encode(),
        JSON,
        Usage(0, 0),
        "no messages, no counts",
        {"model": "llama3.2", "messages": [], "stream": False},
    ),
    Shape(
        "ollama chat, model unloaded",
        _API + "chat, unload a model",
        "ollama_chat",
        True,
        ndjson(_chat('true,"done_reason":"unload"', _NOTHING_SAID)),
        NDJSON,
        Usage(0, 0),
        "a stream of one line",
        {"model": "llama3.2", "messages": [], "keep_alive": 0},
    ),
    _whole(
        "ollama chat, prompt not counted",
        "ollama/ollama#2068, ollama/ollama#3427: prompt_eval_count missing when the prompt was cached",
        "ollama_chat",
        _chat(f'true,"done_reason":"stop",{_TIMES},"eval_count":282,"eval_duration":4535599000'),
        Usage(0, 282, estimated=True),
        "the input is unknown, the output 282: estimate the input only",
    ),
    _whole(
        "ollama chat, prompt cached",
        "ollama/ollama#16916, docs.ollama.com openapi.yaml: prompt_eval_cached_count (numbers illustrative)",
        "ollama_chat",
        _chat(
            f'true,"done_reason":"stop",{_TIMES},"prompt_eval_count":1200,"prompt_eval_cached_count":1100,'
            '"prompt_eval_duration":13074791,"eval_count":18,"eval_duration":52479709'
        ),
        Usage(1200, 18, cache_read_tokens=1100),
        "the cached part is inside prompt_eval_count (stdapi-ai/stdapi.ai#252)",
    ),
    _stream(
        "ollama chat stream",
        _API + "chat request (streaming)",
        "ollama_chat",
        [
            _chat("false", '{"role":"assistant","content":"The","images":null}'),
            _chat("false", '{"role":"assistant","content":" sky","images":null}'),
            _chat(f"true,{_counts(26, 282)}", _NOTHING_SAID),
        ],
        Usage(26, 282),
    ),
    _stream(
        "ollama chat stream, thinking",
        "docs.ollama.com, capabilities, thinking (numbers illustrative)",
        "ollama_chat",
        [
            _chat("false", '{"role":"assistant","content":"","thinking":"Hm"}'),
            _chat("false", '{"role":"assistant","content":"4"}'),
            _chat(f'true,"done_reason":"stop",{_counts(17, 120)}', _NOTHING_SAID),
        ],
        Usage(17, 120),
        "thinking is in eval_count, its part is not told",
    ),
    _stream(
        "ollama chat stream, client left",
        _API + "chat request (streaming): counts in the last line only",
        "ollama_chat",
        [
            _chat("false", '{"role":"assistant","content":"The"}'),
            _chat("false", '{"role":"assistant","content":" sky"}'),
        ],
        None,
        "settle by what was delivered",
    ),
    _stream(
        "ollama chat stream, error in the middle",
        "docs.ollama.com, API, errors, errors that occur while streaming",
        "ollama_chat",
        [
            _chat("false", '{"role":"assistant","content":"The"}'),
            '{"error":"an error was encountered while running the model"}',
        ],
        None,
        "a line of another form, status 200",
    ),
    _whole(
        "ollama generate",
        _API + "generate, request (no streaming)",
        "ollama_generate",
        _generate(f'true,"context":[1,2,3],{_counts(26, 290)}'),
        Usage(26, 290),
    ),
    _whole(
        "ollama generate, with an image",
        _API + "generate, request (with images)",
        "ollama_generate",
        _generate(f'true,"context":[1,2,3],{_counts(1, 44)}'),
        Usage(1, 44),
        "the provider's number wins, however small",
    ),
    _whole(
        "ollama generate, model loaded",
        _API + "generate, load a model",
        "ollama_generate",
        _generate("true", ""),
        None,
        "no prompt, no counts",
    ),
    _stream(
        "ollama generate stream",
        _API + "generate request (streaming)",
        "ollama_generate",
        [_generate("false", "The"), _generate(f'true,"context":[1,2,3],{_counts(26, 259)}', "")],
        Usage(26, 259),
    ),
    _stream(
        "ollama generate stream, prompt not counted",
        "ollama/ollama#3427",
        "ollama_generate",
        [
            _generate("false", "The"),
            _generate(f'true,"done_reason":"stop",{_TIMES},"eval_count":259,"eval_duration":4232710000', ""),
        ],
        Usage(0, 259, estimated=True),
        "the input is unknown, the output 259: estimate the input only",
    ),
    _whole(
        "ollama embed",
        "ollama/ollama docs/api.md, generate embeddings; the same example in crate ollama-oxide",
        "ollama_embed",
        '{"model":"nomic-embed-text","embeddings":[[0.010071,-0.001759,0.050072]],"total_duration":14143917,'
        '"load_duration":1019500,"prompt_eval_count":8}',
        Usage(8, 0),
    ),
    _whole(
        "ollama embed, nothing counted",
        "ollama/ollama server/routes.go, EmbedHandler: an empty input gives no count",
        "ollama_embed",
        '{"model":"nomic-embed-text","embeddings":[]}',
        None,
    ),
)
