"""The endpoint table: path -> who answers each method, and in whose words errors are told. No entry, no call."""

from collections.abc import Awaitable, Mapping

from aiohttp import web

from gateway.api import (
    budget,
    chat_quota,
    company_usage,
    consumption_logs,
    credit_bill,
    health,
    models,
    ollama,
    openapi,
    usage,
)
from gateway.api.answers import error_in
from gateway.api.entry import Entry, Handler
from gateway.api.url_keys import without_url_key
from gateway.model import Endpoint, Wire
from gateway.pipeline.entry import proxy
from gateway.pipeline.gateway import Gateway


def metered(endpoint: Endpoint, **fixed: str) -> Handler:
    """Give the handler of a proxied, metered operation; `fixed` are parameters that its path says by itself."""

    def handle(
        gateway: Gateway, request: web.BaseRequest, call_id: str, params: Mapping[str, str]
    ) -> Awaitable[web.StreamResponse]:
        return proxy(gateway, request, endpoint, call_id, {**params, **fixed})

    return handle


_DEPLOYED = {
    "/chat/completions": Endpoint.CHAT,
    "/completions": Endpoint.COMPLETIONS,
    "/embeddings": Endpoint.EMBEDDINGS,
}
_DEPLOYED_MEDIA = {
    "/audio/transcriptions": Endpoint.TRANSCRIPTIONS,
    "/audio/translations": Endpoint.TRANSLATIONS,
    "/audio/speech": Endpoint.SPEECH,
    "/images/generations": Endpoint.IMAGES,
    "/images/edits": Endpoint.IMAGE_EDITS,
}
"""What Azure's clients ask a deployment for; the model stands in the path, or in the body of the v1 API."""

_AZURE: Mapping[str, Endpoint] = {
    **{f"/openai/deployments/{{model}}{place}": endpoint for place, endpoint in (_DEPLOYED | _DEPLOYED_MEDIA).items()},
    **{f"/openai/v1{place}": endpoint for place, endpoint in _DEPLOYED.items()},
    "/openai/v1/responses": Endpoint.RESPONSES,
    "/openai/responses": Endpoint.RESPONSES,
}

_MEDIA: Mapping[str, Endpoint] = {
    "/v1/audio/transcriptions": Endpoint.TRANSCRIPTIONS,
    "/v1/audio/translations": Endpoint.TRANSLATIONS,
    "/v1/audio/speech": Endpoint.SPEECH,
    "/v1/images/generations": Endpoint.IMAGES,
    "/v1/images/edits": Endpoint.IMAGE_EDITS,
    "/v1/moderations": Endpoint.MODERATIONS,
    "/v1/rerank": Endpoint.RERANK,
    "/v2/rerank": Endpoint.RERANK,
    "/rerank": Endpoint.RERANK,
}
"""Sounds, pictures, moderations; and rankings, where vLLM's, Jina's and Cohere's clients ask for them."""

_GEMINI: Mapping[str, Handler] = {
    "generateContent": metered(Endpoint.GENERATE_CONTENT),
    "streamGenerateContent": metered(Endpoint.GENERATE_CONTENT, stream="1"),
    "countTokens": metered(Endpoint.GEMINI_COUNT_TOKENS),
    "embedContent": metered(Endpoint.EMBED_CONTENT),
    "batchEmbedContents": metered(Endpoint.BATCH_EMBED_CONTENTS),
}
"""Gemini's methods of a model, the same in both versions of its API; before the models, whose names may hold colons."""

_OLLAMA: Mapping[str, Endpoint] = {
    "/api/chat": Endpoint.OLLAMA_CHAT,
    "/api/generate": Endpoint.OLLAMA_GENERATE,
    "/api/embed": Endpoint.OLLAMA_EMBED,
}

TABLE: Mapping[str, Entry] = {
    "/v1/chat/completions": Entry({"POST": metered(Endpoint.CHAT)}),
    "/v1/completions": Entry({"POST": metered(Endpoint.COMPLETIONS)}),
    "/v1/embeddings": Entry({"POST": metered(Endpoint.EMBEDDINGS)}),
    "/v1/responses": Entry({"POST": metered(Endpoint.RESPONSES)}),
    "/v1/responses/compact": Entry({"POST": metered(Endpoint.RESPONSES_COMPACT)}),
    "/v1/responses/input_tokens": Entry({"POST": metered(Endpoint.RESPONSES_INPUT_TOKENS)}),
    **{path: Entry({"POST": metered(endpoint)}) for path, endpoint in _MEDIA.items()},
    **{path: Entry({"POST": metered(endpoint)}) for path, endpoint in _AZURE.items()},
    "/v1/messages": Entry({"POST": metered(Endpoint.MESSAGES)}, error_in(Wire.ANTHROPIC)),
    "/v1/messages/count_tokens": Entry({"POST": metered(Endpoint.COUNT_TOKENS)}, error_in(Wire.ANTHROPIC)),
    **{
        f"/{version}/models/{{model...}}:{method}": Entry({"POST": without_url_key(handler)}, error_in(Wire.GEMINI))
        for version in ("v1beta", "v1")
        for method, handler in _GEMINI.items()
    },
    **{path: Entry({"POST": metered(endpoint)}, error_in(Wire.OLLAMA)) for path, endpoint in _OLLAMA.items()},
    **ollama.ENTRIES,
    "/model/{model}/converse": Entry({"POST": metered(Endpoint.CONVERSE)}, error_in(Wire.BEDROCK)),
    "/model/{model}/converse-stream": Entry({"POST": metered(Endpoint.CONVERSE, stream="1")}, error_in(Wire.BEDROCK)),
    "/v1/models": Entry({"GET": models.list_models}, models.speak),
    "/v1/models/{model...}": Entry({"GET": models.show_model}, models.speak),
    "/v1beta/models": Entry({"GET": without_url_key(models.list_models)}, models.speak),
    "/v1beta/models/{model...}": Entry({"GET": without_url_key(models.show_model)}, models.speak),
    "/v1/budget": Entry({"GET": budget.own_budgets}),
    **chat_quota.ENTRIES,
    **company_usage.ENTRIES,
    **consumption_logs.ENTRIES,
    **credit_bill.ENTRIES,
    **usage.ENTRIES,
    "/healthz": Entry({"GET": health.healthz}, is_probe=True),
    "/readyz": Entry({"GET": health.readyz}, is_probe=True),
    **openapi.ENTRIES,
}
