"""A provider that speaks Converse: Bedrock in one region, with an API key of its own as a bearer token.

(https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html) Requests are not signed.
"""

from urllib.parse import quote

from gateway.model import Call, Endpoint, Provider, Route

ENDPOINTS = frozenset({Endpoint.CONVERSE})


def path(call: Call, route: Route) -> str:
    """Give what follows the provider's bare origin: the model is one segment, whatever its ARN holds."""
    return f"/model/{quote(route.model, safe='')}/{'converse-stream' if call.stream else 'converse'}"


def auth_headers(provider: Provider) -> dict[str, str]:
    """Give the provider's credential and its extra headers, names in lower case; an extra one wins."""
    headers = {"authorization": f"Bearer {provider.api_key.reveal()}"} if provider.api_key else {}
    return headers | {name.lower(): value.reveal() for name, value in provider.headers}
