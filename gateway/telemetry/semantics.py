"""Owns the names of OpenTelemetry's conventions, each once; they are renamed more often than anything else here.

Source: https://github.com/open-telemetry/semantic-conventions-genai (docs/gen-ai/client-inference.md and
gen-ai-token-metrics.md, 2026-10) and https://opentelemetry.io/docs/specs/semconv/http/http-spans/ (1.41).
"""

from collections.abc import Mapping
from types import MappingProxyType

from gateway.model import Endpoint

HTTP_METHOD = "http.request.method"
HTTP_STATUS = "http.response.status_code"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
ERROR_TYPE = "error.type"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CACHE_CREATION_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"

# Ours: no convention knows budgets.
CALL_ID = "gateway.call.id"
COMPANY = "gateway.company"
PURPOSE = "gateway.purpose"
OUTCOME = "gateway.outcome"
BUDGET = "gateway.budget"
ESTIMATED = "gateway.usage.estimated"

METRIC_DURATION = "gen_ai.client.inference.duration"
METRIC_FIRST_CHUNK = "gen_ai.client.inference.time_to_first_chunk"
METRIC_INPUT = "gen_ai.client.inference.usage.input_tokens"
METRIC_OUTPUT = "gen_ai.client.inference.usage.output_tokens"
METRIC_CACHE_READ = "gen_ai.client.inference.usage.cache_read.input_tokens"
METRIC_CACHE_WRITE = "gen_ai.client.inference.usage.cache_write.input_tokens"
METRIC_REASONING = "gen_ai.client.inference.usage.reasoning.output_tokens"

_OPERATIONS: Mapping[Endpoint, str] = MappingProxyType(
    {
        Endpoint.COMPLETIONS: "text_completion",
        Endpoint.OLLAMA_GENERATE: "text_completion",
        Endpoint.EMBEDDINGS: "embeddings",
        Endpoint.EMBED_CONTENT: "embeddings",
        Endpoint.BATCH_EMBED_CONTENTS: "embeddings",
        Endpoint.OLLAMA_EMBED: "embeddings",
        Endpoint.GENERATE_CONTENT: "generate_content",
        Endpoint.CHAT: "chat",
        Endpoint.RESPONSES: "chat",
        Endpoint.RESPONSES_COMPACT: "chat",
        Endpoint.MESSAGES: "chat",
        Endpoint.OLLAMA_CHAT: "chat",
        Endpoint.CONVERSE: "chat",
    }
)
_PROVIDERS: Mapping[str, str] = MappingProxyType(
    {"azure": "azure.ai.openai", "gemini": "gcp.gemini", "bedrock": "aws.bedrock"}
)


def operation(endpoint: str) -> str:
    """Give the convention's word for an endpoint, or the endpoint's own where it has none."""
    return _OPERATIONS.get(Endpoint(endpoint), endpoint)


def provider(dialect: str) -> str:
    """Give the convention's word for who is asked, by the dialect that it speaks."""
    return _PROVIDERS.get(dialect, dialect)
