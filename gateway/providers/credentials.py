"""The headers that a provider account is asked with: its credential where its language wants it, and its own extras."""

from gateway.model import Provider


def headers_with(provider: Provider, header: str, scheme: str = "") -> dict[str, str]:
    """Give the credential in `header`, and the extra headers, names in lower case; an extra one wins."""
    headers = {header: scheme + provider.api_key.reveal()} if provider.api_key else {}
    return headers | {name.lower(): value.reveal() for name, value in provider.headers}


def bearer_headers(provider: Provider) -> dict[str, str]:
    """Give the credential as a bearer token (RFC 6750 section 2.1), and the extra headers; an extra one wins."""
    return headers_with(provider, "authorization", "Bearer ")
