"""The providers' dialects, the wire formats of the operations, and each wire language's errors: three tables.

    DIALECTS   a provider account: which operations it takes, at which path, with which credential header
    FORMATS    an operation: what its request and its answer say
    ERRORS     a wire language: how a refusal reads

The rule that matters: bytes pass through, so an operation reaches only a provider whose dialect takes it. One more
dialect is one more module and a line in each table.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from gateway.errors import GatewayError
from gateway.model import Call, Endpoint, Provider, Route, Wire
from gateway.providers import azure
from gateway.providers.anthropic import account as anthropic
from gateway.providers.anthropic import endings as anthropic_errors
from gateway.providers.anthropic import messages
from gateway.providers.bedrock import account as bedrock
from gateway.providers.bedrock import converse
from gateway.providers.bedrock import endings as bedrock_errors
from gateway.providers.format import Format
from gateway.providers.gemini import account as gemini
from gateway.providers.gemini import content
from gateway.providers.gemini import endings as gemini_errors
from gateway.providers.ollama import account as ollama
from gateway.providers.ollama import endings as ollama_errors
from gateway.providers.ollama import native
from gateway.providers.openai import account as openai
from gateway.providers.openai import chat, demo, images, moderations, rerank, responses, speech, transcriptions
from gateway.providers.openai import endings as openai_errors


class Dialect(Protocol):
    """What a provider account of one kind takes."""

    ENDPOINTS: frozenset[Endpoint]

    def path(self, call: Call, route: Route) -> str:
        """Give what follows the provider's base URL, the query included."""

    def auth_headers(self, provider: Provider) -> dict[str, str]:
        """Give the provider's credential and extra headers, names in lower case; an extra one wins."""


class Errors(Protocol):
    """How a wire language tells a refusal."""

    def error_body(self, error: GatewayError, call_id: str) -> dict[str, Any]:
        """Give the JSON body."""

    def error_headers(self, error: GatewayError, call_id: str) -> dict[str, str]:
        """Give headers that the language's SDK looks at, beside those of the error."""


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "openai": openai,
        "azure": azure,
        "demo": demo,
        "anthropic": anthropic,
        "gemini": gemini,
        "ollama": ollama,
        "bedrock": bedrock,
    }
)

FORMATS: Mapping[Endpoint, Format] = MappingProxyType(
    {
        Endpoint.CHAT: chat,
        Endpoint.COMPLETIONS: chat,
        Endpoint.EMBEDDINGS: chat,
        Endpoint.RESPONSES: responses,
        Endpoint.RESPONSES_COMPACT: responses,
        Endpoint.RESPONSES_INPUT_TOKENS: responses,
        Endpoint.TRANSCRIPTIONS: transcriptions,
        Endpoint.TRANSLATIONS: transcriptions,
        Endpoint.SPEECH: speech,
        Endpoint.IMAGES: images,
        Endpoint.IMAGE_EDITS: images,
        Endpoint.MODERATIONS: moderations,
        Endpoint.RERANK: rerank,
        Endpoint.MESSAGES: messages,
        Endpoint.COUNT_TOKENS: messages,
        Endpoint.GENERATE_CONTENT: content,
        Endpoint.GEMINI_COUNT_TOKENS: content,
        Endpoint.EMBED_CONTENT: content,
        Endpoint.BATCH_EMBED_CONTENTS: content,
        Endpoint.OLLAMA_CHAT: native,
        Endpoint.OLLAMA_GENERATE: native,
        Endpoint.OLLAMA_EMBED: native,
        Endpoint.CONVERSE: converse,
    }
)

ERRORS: Mapping[Wire, Errors] = MappingProxyType(
    {
        Wire.OPENAI: openai_errors,
        Wire.ANTHROPIC: anthropic_errors,
        Wire.GEMINI: gemini_errors,
        Wire.OLLAMA: ollama_errors,
        Wire.BEDROCK: bedrock_errors,
    }
)
