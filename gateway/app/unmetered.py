"""What providers offer and the gateway refuses, with the reason: it would escape the meter. Pure.

The rule that matters: this table only chooses the words of a refusal. What is not in the endpoint table is refused
whether it stands here or not.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.errors import NotFound, NotMetered
from gateway.model import Wire

_LATER = "its tokens are used later, and no answer that passes here reports them"
_SOCKET = "its tokens flow over a WebSocket"
_INVOKED = "each vendor's models have a language of their own there: use converse"
_STORED = "it works on what a provider stores, not on a call that can be metered"

UNMETERED: Mapping[str, str] = MappingProxyType(
    {
        "/v1/realtime": _SOCKET,
        "/openai/realtime": _SOCKET,
        "/openai/v1/realtime": _SOCKET,
        "/ws/google.ai.generativelanguage": _SOCKET,
        "/v1/batches": _LATER,
        "/openai/batches": _LATER,
        "/openai/v1/batches": _LATER,
        "/openai/fine_tuning": _LATER,
        "/openai/assistants": _LATER,
        "/openai/threads": _LATER,
        "/v1beta/interactions": _LATER,
        "/v1/messages/batches": _LATER,
        "/v1/fine_tuning": _LATER,
        "/v1/fine-tunes": _LATER,
        "/v1/evals": _LATER,
        "/v1/videos": _LATER,
        "/v1/assistants": _LATER,
        "/v1/threads": _LATER,
        "/v1/chatkit": _LATER,
        "/v1/files": _STORED,
        "/openai/files": _STORED,
        "/v1/images/variations": "its answer reports no tokens",
        "/v1/uploads": _STORED,
        "/v1/vector_stores": _STORED,
        "/v1/containers": _STORED,
        "/v1/conversations": _STORED,
        "/v1/responses/": _STORED,
        "/openai/responses/": _STORED,
        "/openai/v1/responses/": _STORED,
        "/v1/chat/completions/": _STORED,
        "/v1/skills": _STORED,
        "/v1/organization": "it administers a provider's account, which is the operator's",
        "/v1/admin": "it administers a provider's account, which is the operator's",
        "/v1beta/files": _STORED,
        "/upload/v1beta/files": _STORED,
        "/v1beta/cachedContents": _STORED,
        "/v1beta/batches": _LATER,
        "/v1beta/tunedModels": _LATER,
        "/v1beta/fileSearchStores": _STORED,
        "/async-invoke": _LATER,
        "/api/embeddings": "its answer reports no tokens: use /api/embed",
        "/api/pull": "it administers a server of models, which is the operator's",
        "/api/push": "it administers a server of models, which is the operator's",
        "/api/create": "it administers a server of models, which is the operator's",
        "/api/copy": "it administers a server of models, which is the operator's",
        "/api/delete": "it administers a server of models, which is the operator's",
    }
)
"""Path (and everything below it) -> why. A path that ends with `/` means only what is below it."""

_METHODS: Mapping[str, str] = MappingProxyType(
    {
        ":batchGenerateContent": _LATER,
        ":asyncBatchEmbedContent": _LATER,
        ":predictLongRunning": _LATER,
        ":predict": "its models are billed by the piece, and their answers report no tokens",
        ":bidiGenerateContent": _SOCKET,
        "/invoke": _INVOKED,
        "/invoke-with-response-stream": _INVOKED,
        "/invoke-with-bidirectional-stream": _INVOKED,
    }
)
"""Methods of Gemini and Bedrock, which stand at the end of a path."""

_WIRES = (
    ("/v1/messages", Wire.ANTHROPIC),
    ("/v1beta/", Wire.GEMINI),
    ("/upload/v1beta/", Wire.GEMINI),
    ("/api/pull", Wire.OLLAMA),
    ("/api/push", Wire.OLLAMA),
    ("/api/create", Wire.OLLAMA),
    ("/api/copy", Wire.OLLAMA),
    ("/api/delete", Wire.OLLAMA),
    ("/model/", Wire.BEDROCK),
)


def wire_of(path: str) -> Wire:
    """Give the language in which whoever asks for an unknown path would understand the refusal."""
    return next((wire for prefix, wire in _WIRES if path.startswith(prefix)), Wire.OPENAI)


def is_method(path: str) -> bool:
    """Say whether a path asks for such a method, of whatever model: a model's name may hold a colon."""
    return path.endswith(tuple(_METHODS))


def refusal(path: str) -> NotFound:
    """Give the 404 of a path that is not in the endpoint table."""
    why = next((why for prefix, why in UNMETERED.items() if _is_below(path, prefix)), None)
    why = why or next((why for method, why in _METHODS.items() if path.endswith(method)), None)
    if why is None:
        return NotFound("No such endpoint: the gateway serves what it can meter. GET /openapi.yaml lists all of it.")
    return NotMetered(f"This endpoint is not metered, so the gateway does not serve it: {why}.")


def _is_below(path: str, prefix: str) -> bool:
    rest = path[len(prefix) :]
    return path.startswith(prefix) and (bool(rest) if prefix.endswith("/") else rest[:1] in {"", "/", "."})
