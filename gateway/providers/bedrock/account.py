"""A provider that speaks Converse: Bedrock in one region, with an API key of its own as a bearer token.

(https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys-use.html) Requests are not signed.
"""

from urllib.parse import quote

from gateway.model import Call, Endpoint, Route
from gateway.providers.credentials import bearer_headers as auth_headers

ENDPOINTS = frozenset({Endpoint.CONVERSE})

__all__ = ["ENDPOINTS", "auth_headers", "path"]


def path(call: Call, route: Route) -> str:
    """Give what follows the provider's bare origin: the model is one segment, whatever its ARN holds."""
    return f"/model/{quote(route.model, safe='')}/{'converse-stream' if call.stream else 'converse'}"
