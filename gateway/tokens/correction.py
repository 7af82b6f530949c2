"""What reported usage teaches about estimates: for each model and size of prompt, how far above the truth they stand.

Only prompts of text alone teach, by the tokens that their provider reported against our own count before any
correction. A factor is the highest ratio of the last `WINDOW` of its model and size class (powers of two of the
estimate), times `MARGIN`. It lowers an estimate once `ENOUGH` ratios are known, never below a quarter; one ratio above
1 raises it at once, at most to the double.

The one rule: whoever teaches cannot make others overrun without bound. Prompts that tokenise uncommonly well push a
factor down only while nobody else's ratio is among the last `WINDOW` of that class; then a prompt of that class may be
held at a quarter of its uncorrected estimate E, that is, overrun by 3/4 E at most - and its own report raises the
factor at once, so that only the calls in flight at that moment can. A ratio that is too high costs the others at most
the double of their estimates in that class, for the next `WINDOW` reports.
"""

from array import array
from collections import OrderedDict

WINDOW = 64
ENOUGH = 20
MARGIN = 1.1
LOWEST, HIGHEST = 0.25, 2.0
MODELS_AT_MOST = 512
LARGEST_CLASS = 24
"""Estimates of 2**24 tokens and more are one class: no context is larger."""

_NEUTRAL = 1.0


class _Ratios:
    """The last `WINDOW` ratios of one model and size class, in eight bytes each."""

    __slots__ = ("_next", "_ratios")

    def __init__(self) -> None:
        self._ratios = array("d")
        self._next = 0

    def add(self, ratio: float) -> None:
        if len(self._ratios) < WINDOW:
            self._ratios.append(ratio)
        else:
            self._ratios[self._next] = ratio
            self._next = (self._next + 1) % WINDOW

    def factor(self) -> float:
        highest = max(self._ratios)
        if highest > _NEUTRAL:
            return min(HIGHEST, highest * MARGIN)
        if len(self._ratios) < ENOUGH:
            return _NEUTRAL
        return min(_NEUTRAL, max(LOWEST, highest * MARGIN))


class Corrections:
    """The factors of one process, on one event loop; of at most `MODELS_AT_MOST` models, those that reported last."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, str], dict[int, _Ratios]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._models)

    def observe(self, provider: str, listed_model: str, estimated_tokens: int, reported_tokens: int) -> None:
        """Learn from a prompt of text alone: its uncorrected estimate and the input that its provider reported.

        The model is the entry of the provider's list, which may be a pattern: never a name that a client chose.
        """
        if estimated_tokens <= 0 or reported_tokens <= 0:
            return
        classes = self._models.setdefault((provider, listed_model), {})
        self._models.move_to_end((provider, listed_model))
        if len(self._models) > MODELS_AT_MOST:
            self._models.popitem(last=False)
        classes.setdefault(_class(estimated_tokens), _Ratios()).add(min(HIGHEST, reported_tokens / estimated_tokens))

    def factor(self, provider: str, listed_model: str, estimated_tokens: int) -> float:
        """Give what to multiply an uncorrected estimate with: 1 where too little is known, within [0.25, 2]."""
        ratios = self._models.get((provider, listed_model), {}).get(_class(estimated_tokens))
        return _NEUTRAL if ratios is None else ratios.factor()


def _class(tokens: int) -> int:
    return min(LARGEST_CLASS, max(0, tokens).bit_length())
