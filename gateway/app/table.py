"""The endpoint table: path -> who answers each method, and in whose words errors are told. No entry, no call."""

from collections.abc import Mapping

from aiohttp import web

from gateway.api import budget, chat_quota, company_usage, consumption_logs, credit_bill, health, models, openapi, usage
from gateway.api.entry import Entry, Handler
from gateway.model import Endpoint
from gateway.pipeline.entry import proxy
from gateway.pipeline.gateway import Gateway


def metered(endpoint: Endpoint) -> Handler:
    """Give the handler of a proxied, metered operation."""

    async def handle(
        gateway: Gateway, request: web.BaseRequest, call_id: str, params: Mapping[str, str]
    ) -> web.StreamResponse:
        return await proxy(gateway, request, endpoint, call_id, params)

    return handle


TABLE: Mapping[str, Entry] = {
    "/v1/chat/completions": Entry({"POST": metered(Endpoint.CHAT)}),
    "/v1/completions": Entry({"POST": metered(Endpoint.COMPLETIONS)}),
    "/v1/embeddings": Entry({"POST": metered(Endpoint.EMBEDDINGS)}),
    "/v1/models": Entry({"GET": models.list_models}),
    "/v1/models/{model...}": Entry({"GET": models.show_model}),
    "/v1/budget": Entry({"GET": budget.own_budgets}),
    **chat_quota.ENTRIES,
    **company_usage.ENTRIES,
    **consumption_logs.ENTRIES,
    **credit_bill.ENTRIES,
    **usage.ENTRIES,
    "/healthz": Entry({"GET": health.healthz}),
    "/readyz": Entry({"GET": health.readyz}),
    **openapi.ENTRIES,
}
