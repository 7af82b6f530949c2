"""Estimates get tighter with use: what a provider reports of a model's prompts is learned, by its configured name."""

from tests.gateways import Limits
from tests.pipeline.conftest import OpenGateway
from tests.provider.process import ProviderProcess

MODELS = '{"llama*": {reasoning: false}, "*": {reasoning: false}}'
MOST_CALLS = 1500
SIZE = 960
"""About what the prompt below is estimated at before anything is learned: its words, and what templates may add."""
BODY = {"messages": [{"role": "user", "content": "Please say again what has been said before, word by word. " * 18}]}


async def test_an_estimate_is_corrected_by_what_was_reported(far: ProviderProcess, open_gateway: OpenGateway) -> None:
    """After some calls a model's prompts are held at less than by guess, and not below what its provider counts."""
    client = await open_gateway(Limits(models=MODELS))
    gateway, reported = client.app.gateway, 0
    for _ in range(MOST_CALLS):
        async with client.chat("llama/m:tokens-1", **BODY) as answer:
            reported = (await answer.json())["usage"]["prompt_tokens"]
        if gateway.corrections.factor("far", "llama*", SIZE) < 1:
            break
    factor = gateway.corrections.factor("far", "llama*", SIZE)
    assert 0.25 <= factor < 1
    assert factor * SIZE >= reported
    labels = {"provider": "far", "model": "llama*"}
    assert gateway.metrics.registry.get_sample_value("gateway_estimate_correction_ratio", labels) == factor


async def test_media_and_guesses_teach_nothing(far: ProviderProcess, open_gateway: OpenGateway) -> None:
    """Calls with an image, and those whose usage nobody reported, leave no trace."""
    client = await open_gateway(Limits(models=MODELS))
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    for model, content in (("llama/m:tokens-1", [image]), ("llama/m:tokens-1.usage-none", "Hello")):
        for _ in range(60):
            async with client.chat(model, messages=[{"role": "user", "content": content}]) as answer:
                assert answer.status == 200
    await client.app.gateway.tasks.drain(10)
    assert len(client.app.gateway.corrections) == 0
