"""What a call's end teaches: how its prompt's estimate compares with its provider's own count.

The one rule that matters: only prompts of text alone teach, under the model's name in the configuration.
"""

from gateway.model import Usage
from gateway.pipeline.admission import Admitted, counted
from gateway.pipeline.gateway import Gateway
from gateway.tokens import family_of

_SAMPLED = frozenset("0G")
"""Last characters of a call id, two of 32: of calls admitted by their bytes alone, one in sixteen is counted behind."""


def learn(gateway: Gateway, admitted: Admitted) -> None:
    """Take a settled call into account; what has to be counted for it is counted behind."""
    usage, call, route = admitted.hold.usage, admitted.call, admitted.route
    if usage is None or usage.estimated or call.is_free or call.media or call.has_unseen:
        return
    estimate = admitted.estimate
    gateway.metrics.estimated(route.provider.name, route.spec.name, estimate.prompt_tokens, usage.input_tokens)
    if estimate.uncorrected_tokens is not None:
        _observe(gateway, admitted, estimate.uncorrected_tokens, usage)
    elif call.id[-1] in _SAMPLED and not family_of(route.model, route.provider.dialect).formula:
        _ = gateway.tasks.spawn(_count_behind(gateway, admitted, usage), name=f"count {call.id}")


async def _count_behind(gateway: Gateway, admitted: Admitted, usage: Usage) -> None:
    estimate = await counted(gateway, admitted.call, admitted.route)
    if estimate.uncorrected_tokens is not None:
        _observe(gateway, admitted, estimate.uncorrected_tokens, usage)


def _observe(gateway: Gateway, admitted: Admitted, uncorrected_tokens: int, usage: Usage) -> None:
    provider, model = admitted.route.provider.name, admitted.route.spec.name
    gateway.corrections.observe(provider, model, uncorrected_tokens, usage.input_tokens)
    gateway.metrics.correction(provider, model, gateway.corrections.factor(provider, model, uncorrected_tokens))
