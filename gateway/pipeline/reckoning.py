"""What an answer took: the provider's own word, else a count that is not below the truth and says that it is one."""

from functools import partial

from msgspec import structs

from gateway.model import Usage
from gateway.pipeline.admission import Admitted, counted
from gateway.pipeline.gateway import Gateway
from gateway.providers.format import Meter
from gateway.providers.names import thinks
from gateway.tokens import output_tokens


async def of_whole(gateway: Gateway, admitted: Admitted, body: bytes) -> Usage:
    """Give the usage of an answer that came in one piece."""
    call, wire_format = admitted.call, admitted.format
    if call.is_free:
        return Usage()
    told = await gateway.aside.run(len(body), partial(wire_format.usage_of, call, body))
    reported = await _completed(gateway, admitted, told)
    if reported is not None:
        return reported
    texts = await gateway.aside.run(len(body), partial(wire_format.answer_texts, call, body))
    if texts:
        output = await _counted(gateway, admitted, texts)
    else:
        # Nothing that could be read: a token covers at least a byte.
        output = min(len(body), admitted.hold.granted_tokens)
    return Usage(await _prompt(gateway, admitted), _with_thinking(admitted, output), estimated=True)


async def of_stream(gateway: Gateway, admitted: Admitted, meter: Meter, counted_tokens: int, *, whole: bool) -> Usage:
    """Give the usage of a stream; `counted_tokens` were counted on the way. `whole`: it came to its end.

    A stream that was left or cut is charged for what was received, or for what was reported where that is more.
    """
    reported = await _completed(gateway, admitted, meter.usage)
    if reported is not None and whole:
        return reported
    counted_tokens += await count_received(gateway, admitted, meter)
    output = counted_tokens + meter.unread_tokens
    if not whole:
        # Of a frame that was cut nobody knows what is text: its bytes count, up to what the call was allowed.
        meter.finish()
        counted_tokens += await count_received(gateway, admitted, meter)
        output = max(output, min(counted_tokens + meter.unread_tokens, admitted.hold.granted_tokens))
    if not meter.thinking_told:
        output = _with_thinking(admitted, output)
    if reported is None:
        return Usage(await _prompt(gateway, admitted), output, estimated=True)
    return structs.replace(reported, output_tokens=max(reported.output_tokens, output), estimated=True)


async def count_received(gateway: Gateway, admitted: Admitted, meter: Meter) -> int:
    """Count what a stream brought since the last count."""
    texts = meter.take_texts()
    return await _counted(gateway, admitted, texts) if texts else 0


async def spare_tokens(gateway: Gateway, admitted: Admitted) -> int:
    """Give the completion that a hold covers beyond its grant: a prompt is held by its bytes, and has fewer tokens."""
    weights = gateway.config.ledger.weights
    spare_tokens = admitted.estimate.prompt_tokens - await _prompt(gateway, admitted)
    return max(0, spare_tokens) * weights.input // max(1, weights.output)


async def _completed(gateway: Gateway, admitted: Admitted, told: Usage | None) -> Usage | None:
    """Give what a provider told; where that is only the output, which is marked as estimated, the input is counted."""
    if told is None or not told.estimated:
        return told
    return structs.replace(told, input_tokens=await _prompt(gateway, admitted))


def _with_thinking(admitted: Admitted, output_tokens: int) -> int:
    """Give what a model may have produced that thinks unseen and did not report its usage in the end: all it could."""
    if thinks(admitted.route, asked=admitted.call.thinks):
        return max(output_tokens, admitted.hold.granted_tokens)
    return output_tokens


async def _counted(gateway: Gateway, admitted: Admitted, texts: list[str]) -> int:
    route = admitted.route
    return await output_tokens(texts, route.model, gateway.counter, route.provider.dialect)


async def _prompt(gateway: Gateway, admitted: Admitted) -> int:
    if admitted.estimate.exact:
        return admitted.estimate.prompt_tokens
    return (await counted(gateway, admitted.call, admitted.route)).prompt_tokens
