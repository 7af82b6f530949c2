"""Which provider serves a model."""

import pytest

from gateway.errors import ModelNotFound, ProviderOff
from gateway.model import Endpoint, ModelSpec, Provider, Secret
from gateway.providers import Routes


def provider(name: str, *models: str, off: bool = False) -> Provider:
    """Make a provider that lists these models."""
    key = Secret("" if off else "sk")
    return Provider(
        name, "openai", "http://127.0.0.1:1", api_key=key, models=tuple(ModelSpec(model) for model in models)
    )


def routes_of(*providers: Provider) -> Routes:
    """Make the routes of these providers, in this order."""
    return Routes({each.name: each for each in providers})


ROUTES = routes_of(
    provider("openai", "gpt-4o", "gpt-4o-mini", "gpt-5*"),
    provider("azure", "gpt-*", "shared-*"),
    provider("off", "claude-4", "claude-off-*", off=True),
    provider("mixed", "gpt-4o-audio", "meta/llama-3", "shared-*"),
    provider("local", "*"),
)


@pytest.mark.parametrize(
    ("model", "name", "spec", "upstream"),
    [
        ("gpt-4o", "openai", "gpt-4o", "gpt-4o"),
        ("gpt-4o-audio", "mixed", "gpt-4o-audio", "gpt-4o-audio"),
        ("gpt-5-mini", "openai", "gpt-5*", "gpt-5-mini"),
        ("gpt-4.1", "azure", "gpt-*", "gpt-4.1"),
        ("shared-x", "azure", "shared-*", "shared-x"),
        ("qwen", "local", "*", "qwen"),
        ("azure/gpt-4o", "azure", "gpt-*", "gpt-4o"),
        ("openai/gpt-5-pro", "openai", "gpt-5*", "gpt-5-pro"),
        ("local/gpt-4o", "local", "*", "gpt-4o"),
        ("local/vendor/model:8b", "local", "*", "vendor/model:8b"),
        ("meta/llama-3", "mixed", "meta/llama-3", "meta/llama-3"),
        ("mixed/meta/llama-3", "mixed", "meta/llama-3", "meta/llama-3"),
        ("vendor/model", "local", "*", "vendor/model"),
        ("openai/", "local", "*", "openai/"),
    ],
)
def test_a_model_is_found(model: str, name: str, spec: str, upstream: str) -> None:
    """Exact beats pattern, a longer literal start a shorter, then the file's order; a provider may be named."""
    route = ROUTES.find(model, ())
    assert (route.provider.name, route.spec.name, route.model) == (name, spec, upstream)


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        ("openai/gpt-4.1", ()),
        ("azure/claude-4", ()),
        ("gpt-4o", ("gpt-4o-mini", "local/*")),
        ("claude-4", ("gpt-*",)),
        ("GPT-4o", ("gpt-*",)),
    ],
)
def test_unknown_and_not_allowed_are_the_same(model: str, allowed: tuple[str, ...]) -> None:
    """A model that is not there and one that the key may not use are refused in OpenAI's words."""
    with pytest.raises(ModelNotFound) as refused:
        ROUTES.find(model, allowed)
    assert refused.value.message == f"The model `{model}` does not exist or you do not have access to it."
    assert (refused.value.status, refused.value.code) == (404, "model_not_found")


def test_unknown_without_a_catch_all() -> None:
    """Without a pattern that fits, a model is unknown."""
    with pytest.raises(ModelNotFound):
        routes_of(provider("openai", "gpt-4o")).find("gpt-4o-mini", ())


@pytest.mark.parametrize(
    ("dialect", "served"), [("demo", "chat, completions, embeddings"), ("bedrock", "converse")], ids=str
)
def test_a_model_of_another_language(dialect: str, served: str) -> None:
    """An operation that the provider's dialect does not take is refused with those that it does."""
    other = Provider("other", dialect, "http://127.0.0.1:1", api_key=Secret("sk"), models=(ModelSpec("m"),))
    with pytest.raises(ModelNotFound) as refused:
        routes_of(other).find("m", (), Endpoint.MESSAGES)
    words = f"its provider's dialect ({dialect}) has {served}"
    assert refused.value.message == f"The model `m` is not served here: {words}."


@pytest.mark.parametrize("model", ["claude-4", "off/claude-4", "claude-off-x"])
def test_a_provider_that_is_off(model: str) -> None:
    """A model of a provider that is off is refused by that provider's name, never served by another's `*`."""
    with pytest.raises(ProviderOff) as refused:
        ROUTES.find(model, ())
    assert "`off`" in refused.value.message
    assert refused.value.status == 503


@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        ("gpt-4o", ("gpt-4o",)),
        ("openai/gpt-4o", ("gpt-4o",)),
        ("gpt-4o", ("openai/*",)),
        ("gpt-5-mini", ("x", "gpt-5*")),
        ("local/vendor/m", ("local/vendor/*",)),
    ],
)
def test_a_keys_globs(model: str, allowed: tuple[str, ...]) -> None:
    """A key's globs fit the model's name or `provider/model`, however the client spelled it."""
    assert ROUTES.find(model, allowed)


def test_models_are_listed() -> None:
    """Exact names of providers that are on are listed in the file's order, as far as the key may use them."""
    names = [(route.provider.name, route.model) for route in ROUTES.listed(())]
    assert names == [
        ("openai", "gpt-4o"),
        ("openai", "gpt-4o-mini"),
        ("mixed", "gpt-4o-audio"),
        ("mixed", "meta/llama-3"),
    ]
    assert [route.model for route in ROUTES.listed(("openai/*",))] == ["gpt-4o", "gpt-4o-mini"]
    assert [route.model for route in ROUTES.listed(("nothing",))] == []
