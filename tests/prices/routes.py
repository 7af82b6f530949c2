"""Routes to providers at an address."""

from gateway.model import ModelSpec, Provider, Route

OPENAI = "https://api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com"
GEMINI = "https://generativelanguage.googleapis.com"
UNKNOWN = "http://127.0.0.1:4000/v1"


def route(base_url: str, model: str, *, dialect: str = "openai", chargeable: bool = True, listed: str = "") -> Route:
    """Give the route of a model at an address; its provider is named for the address."""
    spec = ModelSpec(listed or model)
    return Route(Provider(base_url, dialect, base_url, models=(spec,), chargeable=chargeable), spec, model)
