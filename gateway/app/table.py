"""The endpoint table: path -> method -> who answers. No entry, no call."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from gateway.api import budget, health, models
from gateway.model import Endpoint
from gateway.pipeline.entry import proxy
from gateway.pipeline.gateway import Gateway

Handler = Callable[[Gateway, web.BaseRequest, str, Mapping[str, str]], Awaitable[web.StreamResponse]]


def metered(endpoint: Endpoint) -> Handler:
    """Give the handler of a proxied, metered operation."""

    async def handle(
        gateway: Gateway, request: web.BaseRequest, call_id: str, _params: Mapping[str, str]
    ) -> web.StreamResponse:
        return await proxy(gateway, request, endpoint, call_id)

    return handle


TABLE: Mapping[str, Mapping[str, Handler]] = {
    "/v1/chat/completions": {"POST": metered(Endpoint.CHAT)},
    "/v1/completions": {"POST": metered(Endpoint.COMPLETIONS)},
    "/v1/embeddings": {"POST": metered(Endpoint.EMBEDDINGS)},
    "/v1/models": {"GET": models.list_models},
    "/v1/models/{model...}": {"GET": models.show_model},
    "/v1/budget": {"GET": budget.own_budgets},
    "/healthz": {"GET": health.healthz},
    "/readyz": {"GET": health.readyz},
}
