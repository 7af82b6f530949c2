"""What can be asked: wire languages, the metered operations of each, and which language a provider's dialect speaks."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Wire(StrEnum):
    """A wire language: what a client's SDK speaks. Bytes pass through, so a provider must speak its client's."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
    OLLAMA = "ollama"
    BEDROCK = "bedrock"


class Endpoint(StrEnum):
    """A metered operation; the value is the name it has in usage keys and logs."""

    CHAT = "chat"
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    RESPONSES = "responses"
    RESPONSES_COMPACT = "responses_compact"
    RESPONSES_INPUT_TOKENS = "responses_input_tokens"
    TRANSCRIPTIONS = "transcriptions"
    TRANSLATIONS = "translations"
    SPEECH = "speech"
    IMAGES = "images"
    IMAGE_EDITS = "image_edits"
    MODERATIONS = "moderations"
    RERANK = "rerank"
    MESSAGES = "messages"
    COUNT_TOKENS = "count_tokens"
    GENERATE_CONTENT = "generate_content"
    GEMINI_COUNT_TOKENS = "gemini_count_tokens"
    EMBED_CONTENT = "embed_content"
    BATCH_EMBED_CONTENTS = "batch_embed_contents"
    OLLAMA_CHAT = "ollama_chat"
    OLLAMA_GENERATE = "ollama_generate"
    OLLAMA_EMBED = "ollama_embed"
    CONVERSE = "converse"

    @property
    def wire(self) -> Wire:
        """Give the language that the operation belongs to."""
        return _NATIVE.get(self, Wire.OPENAI)


_NATIVE: Mapping[Endpoint, Wire] = MappingProxyType(
    {
        Endpoint.MESSAGES: Wire.ANTHROPIC,
        Endpoint.COUNT_TOKENS: Wire.ANTHROPIC,
        Endpoint.GENERATE_CONTENT: Wire.GEMINI,
        Endpoint.GEMINI_COUNT_TOKENS: Wire.GEMINI,
        Endpoint.EMBED_CONTENT: Wire.GEMINI,
        Endpoint.BATCH_EMBED_CONTENTS: Wire.GEMINI,
        Endpoint.OLLAMA_CHAT: Wire.OLLAMA,
        Endpoint.OLLAMA_GENERATE: Wire.OLLAMA,
        Endpoint.OLLAMA_EMBED: Wire.OLLAMA,
        Endpoint.CONVERSE: Wire.BEDROCK,
    }
)

DIALECT_WIRES: Mapping[str, Wire] = MappingProxyType(
    {
        "openai": Wire.OPENAI,
        "azure": Wire.OPENAI,
        "demo": Wire.OPENAI,
        "anthropic": Wire.ANTHROPIC,
        "gemini": Wire.GEMINI,
        "ollama": Wire.OLLAMA,
        "bedrock": Wire.BEDROCK,
    }
)
"""The dialects that a provider may have, and the language of each."""
