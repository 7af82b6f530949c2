"""The built-in model: OpenAI's wire language, as far as the demo speaks it."""

from gateway.model import Endpoint
from gateway.providers.openai.account import auth_headers, path

ENDPOINTS = frozenset({Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS})

__all__ = ["ENDPOINTS", "auth_headers", "path"]
