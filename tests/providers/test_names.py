"""What a model's name tells about unseen thinking."""

import pytest

from gateway.model import ModelSpec, Provider, Route
from gateway.providers.names import thinks, thinks_unseen


def route(model: str, *, reasoning: bool | None = None) -> Route:
    """Give the route of a model at a provider of OpenAI's dialect."""
    return Route(Provider("p", "openai", "http://127.0.0.1/v1"), ModelSpec(model, reasoning=reasoning), model)


@pytest.mark.parametrize(
    ("model", "reasoning", "known", "possible"),
    [
        ("o3-mini", None, True, True),
        ("gpt-5.1", None, True, True),
        ("openai/gpt-5", None, True, True),
        ("gpt-4o", None, False, False),
        ("qwen3-32b", None, False, True),  # it may, but nobody said so
        ("qwen3-32b", True, True, True),
        ("gpt-5.1", False, False, False),
    ],
)
def test_what_is_known_is_also_possible(model: str, reasoning: bool | None, known: bool, possible: bool) -> None:
    """A model is known to think by the configuration or its name; one that nobody knows may think."""
    found = route(model, reasoning=reasoning)
    assert (thinks(found), thinks_unseen(found)) == (known, possible)
