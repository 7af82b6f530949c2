"""What a call consumed, by the provider's own numbers: `prompt_eval_count` with what was cached, and `eval_count`.

The rule that matters: a count of zero is left out, and so was the prompt's where it stood in the cache
(ollama/ollama#2068, #3427). An answer that tells only what it generated gives a Usage marked as estimated, whose input
is still to be counted. Numbers that cannot be true count as none.
"""

from typing import Any

from gateway.model import Call, Endpoint, Usage
from gateway.providers.ollama.lines import Line, open_line
from gateway.providers.ollama.reading import is_loading
from gateway.providers.ollama.texts import pieces

_MOST_TOKENS = 10**9


def usage_of(call: Call, body: bytes) -> Usage | None:
    """Read the usage of an answer in one piece; None when the provider did not say, or not credibly."""
    answer = open_line(body)
    return None if answer is None else reported(call, answer, has_said=bool(pieces(answer)))


def reported(call: Call, last: Line, *, has_said: bool) -> Usage | None:
    """Read the last line of an answer; `has_said` tells whether a text came with it or before it."""
    prompt, said = last.prompt_eval_count, last.eval_count
    if call.endpoint is Endpoint.OLLAMA_EMBED:
        return Usage(prompt) if _is_count(prompt) else None
    if prompt is None and said is None:
        # A model that was loaded, or unloaded, took nothing.
        return Usage() if last.done is True and not has_said and is_loading(call) else None
    if not all(number is None or _is_count(number) for number in (prompt, said)) or (said is None and has_said):
        return None
    if prompt is None:
        return Usage(output_tokens=said, estimated=True)
    cached = last.prompt_eval_cached_count
    return Usage(prompt, said or 0, cache_read_tokens=min(prompt, cached) if _is_count(cached) else 0)


def _is_count(number: Any) -> bool:
    return type(number) is int and 0 <= number <= _MOST_TOKENS
