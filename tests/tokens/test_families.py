"""A model's name and its provider's dialect say how it is counted, and the tables hold together."""

import pytest

from gateway.model import Endpoint
from gateway.tokens.constants import PIECE_CHARACTERS, ROLES
from gateway.tokens.families import CHATS, FAMILIES, FORMULAS, UNKNOWN, Family, family_of, usual_tokens
from gateway.tokens.text import Encoding, count

CHAT, RESPONSES, MESSAGES = Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.MESSAGES
COMPACT, GENERATE, CONVERSE = Endpoint.RESPONSES_COMPACT, Endpoint.GENERATE_CONTENT, Endpoint.CONVERSE
DIALECTS = ("openai", "azure", "anthropic", "gemini", "ollama", "bedrock")


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4o-mini", "openai"),
        ("gpt-3.5-turbo", "openai"),
        ("gpt-35-turbo", "openai"),
        ("ft:gpt-4o:acme::1", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("text-embedding-3-small", "openai"),
        ("davinci-002", "openai"),
        ("gpt-5-nano", "openai-reasoning"),
        ("gpt-6-astra", "openai-reasoning"),
        ("o3-mini", "openai-reasoning"),
        ("o1-mini-2024-09-12", "openai-reasoning-1"),
        ("gpt-oss:20b", "openai-elsewhere"),
        ("openai/gpt-4o", "openai-elsewhere"),
        ("gpt-image-1", "openai-elsewhere"),
        ("chatgpt-image-latest", "openai-elsewhere"),
        ("claude-3-5-sonnet-20241022", "claude-4.6"),
        ("claude-sonnet-4-20250514", "claude-4.6"),
        ("claude-opus-4-6", "claude-4.6"),
        ("anthropic.claude-v2:1", "claude-4.6"),
        ("claude-opus-4-7", "claude"),
        ("claude-opus-4-10", "claude"),
        ("claude-sonnet-5", "claude"),
        ("mistral-large-latest", "mistral"),
        ("mixtral-8x7b", "mistral"),
        ("command-r", "mistral"),
        ("meta-llama/Llama-3.1-8B-Instruct", "open-weights"),
        ("qwen3:8b", "open-weights"),
        ("deepseek-chat", "open-weights"),
        ("demo", "demo"),
        ("somebody/else", "unknown"),
        ("", "unknown"),
    ],
)
def test_families(model: str, family: str) -> None:
    """A model's name says how it is counted."""
    assert family_of(model).name == family


@pytest.mark.parametrize(
    ("dialect", "model", "family"),
    [
        ("azure", "gpt-4o", "openai"),
        ("azure", "our-deployment", "unknown"),
        ("bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-4.6"),
        ("bedrock", "eu.anthropic.claude-opus-4-7-v1:0", "claude"),
        ("bedrock", "us.amazon.nova-pro-v1:0", "mistral"),
        ("bedrock", "us.openai.gpt-5.6-sol", "openai-elsewhere"),
        ("bedrock", "us.meta.llama4-maverick-17b-instruct-v1:0", "open-weights"),
        ("bedrock", "moonshot.kimi-k2-thinking", "unknown"),
        ("gemini", "gemini-2.5-pro", "open-weights"),
        ("ollama", "gpt-oss:20b", "openai-elsewhere"),
        ("ollama", "gpt-4o", "openai-elsewhere"),
        ("anthropic", "o3", "openai-elsewhere"),
        ("demo", "llama", "demo"),
    ],
)
def test_the_dialect_decides_with_the_name(dialect: str, model: str, family: str) -> None:
    """OpenAI's formula is for OpenAI's and Azure's accounts alone; elsewhere its names share the vocabulary only."""
    assert family_of(model, dialect).name == family


@pytest.mark.parametrize(
    ("dialect", "model", "endpoint", "plain", "tools"),
    [
        ("openai", "gpt-4o", CHAT, 0, 8),
        ("azure", "gpt-5", CHAT, 0, 92),
        ("openai", "o1-mini", CHAT, 8, 92),
        ("openai", "gpt-5", RESPONSES, 0, 240),
        ("openai", "gpt-5-pro-2025-10-06", RESPONSES, 1600, 1840),
        ("openai", "gpt-5.4-pro", RESPONSES, 1600, 1840),
        ("openai", "gpt-4o", COMPACT, 128, 368),
        ("openai", "gpt-4o", Endpoint.EMBEDDINGS, 0, 0),
        ("openai", "gpt-4o", Endpoint.MODERATIONS, 64, 64),
        ("openai", "llama", RESPONSES, 700, 1500),
        ("openai", "claude-sonnet-4-5", CHAT, 700, 1500),
        ("openai", "mistral-large-latest", CHAT, 600, 810),
        ("openai", "mistralai/mistral-large-latest", CHAT, 700, 1500),
        ("openai", "command-a-03-2025", CHAT, 1400, 1500),
        ("openai", "llama-3.3-70b-versatile", CHAT, 60, 670),
        ("openai", "deepseek-reasoner", CHAT, 75, 300),
        ("openai", "deepseek-r1-distill-llama-70b", CHAT, 700, 1500),
        ("anthropic", "claude-sonnet-4-5", MESSAGES, 120, 640),
        ("anthropic", "claude-sonnet-5", MESSAGES, 350, 1260),
        ("anthropic", "kimi-k2", MESSAGES, 700, 1500),
        ("gemini", "gemini-2.5-pro", GENERATE, 30, 390),
        ("gemini", "gemini-embedding-001", Endpoint.EMBED_CONTENT, 64, 64),
        ("ollama", "llama3.2", Endpoint.OLLAMA_CHAT, 70, 230),
        ("ollama", "llama3.2", Endpoint.OLLAMA_GENERATE, 70, 230),
        ("ollama", "bge-m3", Endpoint.OLLAMA_EMBED, 64, 64),
        ("bedrock", "us.anthropic.claude-opus-4-7-v1:0", CONVERSE, 470, 1260),
        ("bedrock", "us.amazon.nova-pro-v1:0", CONVERSE, 260, 830),
        ("bedrock", "qwen.qwen3-32b-v1:0", CONVERSE, 700, 1500),
        ("demo", "demo", CHAT, 0, 0),
    ],
)
def test_what_a_provider_adds(dialect: str, model: str, endpoint: Endpoint, plain: int, tools: int) -> None:
    """A vendor's own numbers stand only where its name is plain; else those that cover every provider."""
    assert usual_tokens(model, dialect, endpoint, has_tools=False) == plain
    assert usual_tokens(model, dialect, endpoint, has_tools=True) == tools


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_is_one_token(encoding: Encoding, role: str) -> None:
    """Every role that counts as one token is one."""
    assert count(encoding, role) == 1


def test_the_unknown_is_the_last_and_the_largest() -> None:
    """What matches nothing else is multiplied by the largest number of the table."""
    assert FAMILIES[-1] is UNKNOWN
    assert UNKNOWN.multiplier == max(family.multiplier for family in FAMILIES)
    assert UNKNOWN.text_tokens == max(family.text_tokens for family in FAMILIES)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_rows_are_honest(family: Family) -> None:
    """No row lowers a count, and a formula has no multiplier."""
    assert family.multiplier == 1 if family.formula else family.multiplier >= 1
    assert not (family.formula and family.text_tokens)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("endpoint", Endpoint)
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5-pro", "claude-opus-5", "nova-lite", "command-a", "what"])
def test_tools_never_cost_less_than_none(dialect: str, endpoint: Endpoint, model: str) -> None:
    """Whatever the model and the operation, tools only add; and what is no chat has no template."""
    plain = usual_tokens(model, dialect, endpoint, has_tools=False)
    assert 0 <= plain <= usual_tokens(model, dialect, endpoint, has_tools=True)
    assert endpoint in CHATS or plain <= 64
    assert plain > 0 or (family_of(model, dialect).formula and endpoint in FORMULAS)


def test_a_piece_is_far_from_the_panic() -> None:
    """Tiktoken 0.14 panics on about a million spaces; no piece comes near."""
    assert PIECE_CHARACTERS < 100_000
